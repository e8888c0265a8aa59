import { useLayoutEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { date, number, scientific, short, significant, words } from './language'
import { perplexity } from './train/figures'

/** A curve over steps. */
export interface Line {
  label: string
  steps: number[]
  values: number[]
  /** The number of its colour. */
  colour: number
  dashed?: boolean
  /** Whether its points are drawn instead of a line. */
  dots?: boolean
  /** Whether the area between this line and the next one is filled. */
  filled?: boolean
  /** Whether it is only the edge of something. */
  thin?: boolean
}

/** Colours that people with colour blindness tell apart (Okabe & Ito 2008), after the two of the page. */
const colours = ['--accent', '--held', '#0072b2', '#cc79a7', '#009e73', '#d55e00', '#56b4e9', '#e69f00']

const colour = (name: string): string =>
  name.startsWith('--') ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : name

/** On a logarithmic axis; infinite values have no place there. */
function logarithm(value: number): number | null {
  const log = Math.log10(value)
  return Number.isFinite(log) ? log : null
}

/**
 * The curves over the union of their steps, as uPlot takes them. On a logarithmic axis it is given logarithms, because its own
 * such axis shows nothing of values beyond 17 digits, which an explosion has.
 */
const joined = (lines: readonly Line[], linear = false): uPlot.AlignedData =>
  lines.length === 0
    ? [[]]
    : uPlot.join(lines.map(({ steps, values }) => [steps, linear ? values : values.map(logarithm)]))

/** What a plot shows besides its lines. */
interface Axes {
  /** The name of the x axis. Default: steps. */
  x?: string
  /** Whether x is a time, in milliseconds since 1970. */
  time?: boolean
  /** Whether values are told as powers of ten. */
  powersOfTen?: boolean
  /** Whether the y axis is linear. Default: logarithmic. */
  linear?: boolean
  /** A value as text. Default: as a perplexity. */
  value?: (y: number) => string
}

/** The most powers of ten on a logarithmic axis that have lines, and labels. */
const MOST_POWERS = 6

/** The ends of a logarithmic axis: a digit and zeros. */
function logRange(_: uPlot, from: number | null, to: number | null): uPlot.Range.MinMax {
  if (from === null || to === null) return [from, to]
  const rounded = (log: number, round: (digit: number) => number) => {
    const power = Math.floor(log)
    return power + Math.log10(round(Number((10 ** (log - power)).toFixed(6))))
  }
  const [low, high] = [rounded(from, Math.floor), rounded(to, Math.ceil)]
  return low < high ? [low, high] : [low - 1, high + 1]
}

/** Where a logarithmic axis may have lines: over many powers of ten at some of these, evenly. */
function logSplits(_plot: uPlot, _axis: number, from: number, to: number): number[] {
  const [first, last] = [Math.floor(from), Math.ceil(to)]
  const every = Math.max(1, Math.ceil((last - first) / MOST_POWERS))
  const powers = Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => first + i * every)
  const digits = every > 1 ? [1] : [1, 2, 3, 4, 5, 6, 7, 8, 9]
  const all = powers.flatMap((power) => digits.map((digit) => power + Math.log10(digit)))
  return all.filter((log) => log >= from - 1e-9 && log <= to + 1e-9)
}

/** Pixels between two labels of the y axis. */
const SPACE = 30

/** Which lines of a logarithmic axis have labels: those that have room. */
function logLabels(plot: uPlot, splits: number[]): (number | null)[] {
  const hasRoom = (digit: number) => Math.abs(plot.valToPos(Math.log10(digit), 'y') - plot.valToPos(1, 'y')) >= SPACE
  const digits = { 9: '123456789', 7: '12357', 5: '125', 1: '1' }[([9, 7, 5] as const).find(hasRoom) ?? 1]
  const digitOf = (log: number) => String(Math.round(10 ** (log - Math.floor(log + 1e-9))))
  return splits.map((log) => (digits.includes(digitOf(log)) ? log : null))
}

const powers = (_: uPlot, splits: number[]) => splits.map((log) => (Number.isInteger(log) ? log : null))

/** The width of the y axis: that of its longest label, and what lies between labels and curves; as long as labels are short, always the same. */
function roomFor(plot: uPlot, labels: readonly string[] | null, at: number, cycle: number): number {
  // uPlot keeps what it was given, because the room may change the labels.
  const axis = plot.axes[at] as uPlot.Axis & { _size: number; font: [string] }
  if (cycle > 1) return axis._size
  plot.ctx.font = axis.font[0]
  const widths = (labels ?? []).map((label) => plot.ctx.measureText(label ?? '').width / devicePixelRatio)
  return Math.ceil(Math.max(44, axis.ticks!.size! + axis.gap! + Math.max(...widths)))
}

/** The least room between two dates; with the hour, which they have if they are less than a day apart, they are longer. */
const spaceForDates = (_plot: uPlot, _axis: number, from: number, to: number, width: number): number =>
  ((to - from) * 80) / width < 86_400_000 ? 110 : 80

/** The room beside the curves: half of the longest label of the x axis, which stands below the last tick. */
function roomBeside(plot: uPlot): number {
  const axis = plot.axes[0] as uPlot.Axis & { _values: string[] | null; font: [string] }
  plot.ctx.font = axis.font[0]
  const widths = (axis._values ?? []).map((label) => plot.ctx.measureText(label).width / devicePixelRatio)
  return Math.ceil(Math.max(17, ...widths.map((width) => width / 2)))
}

function draw(
  place: HTMLElement,
  lines: readonly Line[],
  { x, time, powersOfTen, linear, value: text = perplexity }: Axes,
): uPlot {
  const rule = { stroke: colour('--line'), width: 1 }
  const axis = { stroke: colour('--soft'), grid: rule, ticks: rule }
  const told = (y: number) => (powersOfTen ? scientific(y) : text(y))
  const label = (log: number) =>
    powersOfTen ? scientific(10 ** log, 0) : short(10 ** log, (y) => significant(y, 2), 0)
  const value = (_: uPlot, y: number | null | undefined) =>
    y === null || y === undefined ? '–' : told(linear ? y : 10 ** y)
  const whole = (step: number) => (Number.isInteger(step) ? number(step) : '')
  return new uPlot(
    {
      width: place.clientWidth,
      height: Math.max(200, Math.min(380, place.clientWidth * 0.42)),
      // Dates are those of the file, wherever the reader is.
      ...(time && { ms: 1 as const, tzDate: (at: number) => uPlot.tzDate(new Date(at), 'Etc/UTC') }),
      padding: [null, roomBeside, null, null],
      scales: { x: { time: time ?? false }, y: linear ? {} : { range: logRange } },
      bands: lines.flatMap(({ filled, colour: i }, at) =>
        filled
          ? [{ series: [at + 1, at + 2] as uPlot.Band.Bounds, fill: `${colour(colours[i % colours.length])}2e` }]
          : [],
      ),
      axes: [
        {
          ...axis,
          ...(time && { space: spaceForDates }),
          values: (_, xs) => xs.map((x) => (time ? date(x, 'short') : whole(x))),
        },
        {
          ...axis,
          // Over many powers of ten, only these have lines.
          ...(powersOfTen && { grid: { ...axis.grid, filter: powers }, ticks: { ...axis.ticks, filter: powers } }),
          ...(!linear && { splits: logSplits, filter: logLabels }),
          size: roomFor,
          values: (_, values) => values.map((y) => (y === null ? '' : linear ? significant(y, 2) : label(y))),
        },
      ],
      // In the legend, too, what is dashed is dashed.
      legend: { markers: { dash: (_, i) => (lines[i - 1]?.dashed ? 'dashed' : 'solid') } },
      series: [
        {
          label: x ?? words.peek().train.step,
          value: (_, step) => (step === null ? '–' : time ? date(step) : whole(step)),
        },
        ...lines.map(({ label, colour: i, dashed, dots, thin }) => ({
          ...{ label, stroke: colour(colours[i % colours.length]), width: thin ? 0.5 : 2, value, spanGaps: true },
          ...(dashed && { dash: [6, 4] }),
          ...(dots && { paths: () => null, points: { show: true, size: 3 } }),
        })),
      ],
    },
    joined(lines, linear),
    place,
  )
}

/**
 * Curves over steps, on a logarithmic axis.
 * @param told what the plot shows, in a sentence for those who do not see it
 */
export function Plot({ lines, told, ...axes }: Axes & { lines: readonly Line[]; told: string }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const shown = useRef(lines)
  shown.current = lines
  const look = JSON.stringify(lines.map(({ label, colour, dashed }) => [label, colour, dashed]))
  // The plot is made again where its lines, its colours or its width change; new points are only drawn. No frame is shown without it.
  useLayoutEffect(() => {
    const again = () => {
      plot.current?.destroy()
      plot.current = draw(place.current!, shown.current, axes)
    }
    again()
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', again)
    let width = place.current!.clientWidth
    const observer = new ResizeObserver(() => {
      if (!place.current || place.current.clientWidth === width) return
      width = place.current.clientWidth
      again()
    })
    observer.observe(place.current!)
    return () => {
      dark.removeEventListener('change', again)
      observer.disconnect()
      plot.current?.destroy()
    }
  }, [look, words.value])
  useLayoutEffect(() => plot.current?.setData(joined(lines, axes.linear)), [lines])
  return <div ref={place} role="img" aria-label={told} />
}
