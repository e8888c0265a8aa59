import path from 'node:path'
import { Command, Option } from 'commander'
import { DataError, OptionError } from '../core/errors.js'
import type { HistoryEvent } from '../node/history.js'
import type { Series } from '../node/plot.js'
import { number } from './arguments.js'
import { table } from './table.js'
import { duration } from './view.js'

const quantities = {
  loss: { label: 'loss, nats a token', of: ({ loss }: HistoryEvent) => loss },
  perplexity: { label: 'perplexity', of: ({ loss }: HistoryEvent) => Math.exp(loss) },
  lr: { label: 'learning rate', of: (event: HistoryEvent) => ('lr' in event ? event.lr : undefined) },
  'grad-norm': {
    label: 'norm of the gradients',
    of: (event: HistoryEvent) => ('gradNorm' in event ? event.gradNorm : undefined),
  },
  'tokens-per-second': {
    label: 'tokens per second',
    of: (event: HistoryEvent) => ('tokensPerSecond' in event ? event.tokensPerSecond : undefined),
  },
}

interface Options {
  y: keyof typeof quantities
  x: 'step' | 'epoch' | 'time'
  out: string
  log?: boolean
  smooth: number
}

export function plotCommand(): Command {
  return new Command('plot')
    .description('Compare trainings as a plot, and in numbers.')
    .argument('<folder...>', 'folders of trainings')
    .addOption(new Option('--y <quantity>', 'what to show').choices(Object.keys(quantities)).default('loss'))
    .addOption(new Option('--x <axis>', 'over what').choices(['step', 'epoch', 'time']).default('step'))
    .option('--out <file>', 'an .svg or .png file', 'runs.svg')
    .option('--log', 'logarithmic scale')
    .option('--smooth <n>', 'mean of so many points of training', number, 1)
    .addHelpText(
      'after',
      `
Examples:
  unrolled plot runs/lstm runs/gru
  unrolled plot runs/* --y perplexity --log --out comparison.png`,
    )
    .action(run)
}

async function run(folders: string[], options: Options): Promise<void> {
  const kind = path.extname(options.out)
  if (kind !== '.svg' && kind !== '.png') {
    throw new OptionError(`plot: the file is ${options.out}, expected a name that ends in .svg or .png`)
  }
  if (!Number.isSafeInteger(options.smooth) || options.smooth < 1) {
    throw new OptionError(`plot: smooth is ${options.smooth}, expected a whole number of 1 or more`)
  }
  const { HISTORY, linePlot, readHistory } = await import('../node.js')
  const { writeFileAtomic } = await import('../node/atomic.js')
  const runs: { name: string; events: HistoryEvent[] }[] = []
  for (const folder of folders) {
    runs.push({ name: path.basename(path.resolve(folder)), events: await readHistory(path.join(folder, HISTORY)) })
  }
  const series = runs.flatMap(({ name, events }) => seriesOf(name, events, options))
  if (series.length === 0) {
    throw new DataError(
      `plot: there is no ${options.y} in ${folders.join(', ')} yet, expected some steps of a training`,
    )
  }
  const { label } = quantities[options.y]
  const svg = await linePlot({
    title: runs.length === 1 ? `Training of ${runs[0].name}` : `${runs.length} trainings`,
    xLabel: options.x === 'time' ? 'minutes' : options.x,
    yLabel: label,
    yScale: options.log ? 'log' : 'linear',
    series,
  })
  await writeFileAtomic(options.out, kind === '.svg' ? svg : await (await import('../node/png.js')).pngOf(svg))
  console.log(
    table([['run', 'steps', 'training', 'held out', 'best', 'at step', 'tokens/s', 'time'], ...runs.map(summary)]),
  )
  console.log(`written: ${options.out}`)
}

/** The curves of one run: of its training, dashed that of the held-out text. */
function seriesOf(name: string, events: readonly HistoryEvent[], { y, x, smooth }: Options): Series[] {
  const start = events[0]?.time ?? 0
  const points = (chosen: readonly HistoryEvent[]) =>
    chosen.flatMap((event) => {
      const value = quantities[y].of(event)
      const at = { step: event.step, epoch: event.epoch, time: (event.time - start) / 60_000 }[x]
      return value === undefined ? [] : [{ at, value }]
    })
  const curve = (label: string, values: { at: number; value: number }[], dashed: boolean): Series[] =>
    values.length === 0
      ? []
      : [{ name: label, x: values.map(({ at }) => at), y: values.map(({ value }) => value), dashed }]
  const steps = events.filter(({ type }) => type === 'step')
  const epochs = events.filter(({ type }) => type === 'epoch')
  // Epochs are means; where there are few of them, steps tell more.
  const training = points(x === 'epoch' || epochs.length >= steps.length ? epochs : steps)
  const heldOut = points(events.filter(({ type }) => type === 'validation'))
  return [...curve(name, smoothed(training, smooth), false), ...curve(`${name}, held out`, heldOut, true)]
}

function smoothed(points: { at: number; value: number }[], width: number): { at: number; value: number }[] {
  return points.map(({ at }, i) => {
    const window = points.slice(Math.max(0, i - width + 1), i + 1)
    return { at, value: window.reduce((sum, { value }) => sum + value, 0) / window.length }
  })
}

function summary({ name, events }: { name: string; events: HistoryEvent[] }): string[] {
  const last = events.at(-1)
  const epoch = events.findLast(({ type }) => type === 'epoch')
  const held = events.filter((event) => event.type === 'validation')
  const best = held.reduce<HistoryEvent | undefined>((low, one) => (low && low.loss <= one.loss ? low : one), undefined)
  const speeds = events.flatMap((event) => ('tokensPerSecond' in event ? [event.tokensPerSecond] : []))
  const speed = speeds.sort((a, b) => a - b)[speeds.length >> 1]
  const show = (value: number | undefined, digits = 4) => (value === undefined ? '–' : value.toFixed(digits))
  return [
    ...[name, String(last?.step ?? 0), show(epoch?.loss), show(held.at(-1)?.loss), show(best?.loss)],
    ...[show(best?.step, 0), show(speed, 0), last ? duration((last.time - events[0].time) / 1000) : '–'],
  ]
}
