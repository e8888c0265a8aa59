import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { number, words } from '../language'
import { type Points, type Session, session } from '../session'
import { perplexity } from './figures'

/** Both curves over the union of their steps, as uPlot takes them. */
function joined({ trained, heldOut }: { trained: Points; heldOut: Points }): uPlot.AlignedData {
  return uPlot.join([
    [trained.steps, trained.values],
    [heldOut.steps, heldOut.values],
  ])
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function draw(place: HTMLElement, now: Session | undefined): uPlot {
  const { train: t } = words.value
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } }
  const value = (_: uPlot, y: number | null) => (y === null ? '–' : perplexity(y))
  return new uPlot(
    {
      width: place.clientWidth,
      height: Math.max(200, Math.min(380, place.clientWidth * 0.42)),
      scales: { x: { time: false }, y: { distr: 3 } },
      axes: [
        { ...axis, values: (_, steps) => steps.map((step) => number(step)) },
        {
          ...axis,
          size: 44,
          values: (_, values) => values.map((y) => (y === null ? '' : String(Number(y.toPrecision(2))))),
        },
      ],
      series: [
        { label: t.step, value: (_, step) => (step === null ? '–' : number(step)) },
        { label: t.training, stroke: colour('--accent'), width: 2, value, spanGaps: true },
        { label: t.heldOutText, stroke: colour('--held'), width: 2, dash: [6, 4], value, spanGaps: true },
      ],
    },
    now ? joined(now) : [[], [], []],
    place,
  )
}

/** Perplexity over the steps, on a logarithmic axis. */
export function Curve() {
  const { train: t } = words.value
  const now = session.value
  const tick = now?.tick.value
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  useEffect(() => {
    // The plot is made again where its colours or its width change.
    const again = () => {
      plot.current?.destroy()
      plot.current = draw(place.current!, now)
    }
    again()
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', again)
    let width = place.current!.clientWidth
    const observer = new ResizeObserver(() => {
      if (place.current && place.current.clientWidth !== width) {
        width = place.current.clientWidth
        again()
      }
    })
    observer.observe(place.current!)
    return () => {
      dark.removeEventListener('change', again)
      observer.disconnect()
      plot.current?.destroy()
    }
  }, [now, t])
  useEffect(() => {
    if (now) plot.current?.setData(joined(now))
  }, [now, tick])
  const told = t.curveIs(number(now?.step ?? 0), perplexity(now?.trained.last), perplexity(now?.heldOut.last))
  return (
    <section class="card">
      <h2>{t.curve}</h2>
      <div ref={place} role="img" aria-label={told} />
    </section>
  )
}
