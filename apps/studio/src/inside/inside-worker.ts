// Looks into models, so that the page stays responsive.
import {
  decodeForecaster,
  decodeModel,
  OpfsStore,
  readSeriesFor,
  runForecaster,
  type SeriesData,
  type SeriesFiles,
  textOf,
  useKernels,
  wasmKernels,
} from 'unrolled/browser'
import { tableOf } from '../kept'
import { answers, type Loaded } from './answers'
import type { Kind, Looked, Questions, ToPage, ToWorker } from './messages'

// All other processors are left to the training.
useKernels(wasmKernels({ threads: 1 }))

/** Milliseconds after which long work lets messages in. */
const TURN = 20

const tell = (message: ToPage) => postMessage(message)

let model: Promise<Loaded>
/** The series of the run that was looked into last, which stay the same while it trains. */
let known: { run: string; data: SeriesData } | undefined
/** The latest question of each kind: earlier ones need no answer any more. */
const latest = new Map<Kind, number>()

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'model') {
    model = frozen(data.model)
    // Each question about it tells why it cannot be read.
    model.catch(() => undefined)
  } else {
    latest.set(data.kind, data.id)
    void answer(data.kind, data.id, data.question)
  }
})

/** A model of which no gradients of parameters are wanted. */
async function frozen({ files, seriesRun }: Looked): Promise<Loaded> {
  const loaded = seriesRun === undefined ? await decodeModel(files!) : await seriesOf(seriesRun, files)
  loaded.model.requiresGrad_(false)
  return loaded
}

async function seriesOf(run: string, files: Looked['files']): Promise<Loaded> {
  const { model, spec } = await (files
    ? decodeForecaster(files as SeriesFiles, run)
    : runForecaster(new OpfsStore(run)))
  if (known?.run !== run) known = { run, data: await readSeriesFor(spec, await textOf(await tableOf(run)), run) }
  return { model, data: known.data }
}

/** Lets all messages in that have come. */
const nextTurn = () => new Promise<void>((resolve) => setTimeout(resolve))

async function answer<K extends Kind>(kind: K, id: number, question: Questions[K]): Promise<void> {
  let due = 0
  /** Throws if a later question has taken the place of this one. */
  const rest = async () => {
    if (performance.now() < due) return
    await nextTurn()
    if (latest.get(kind) !== id) throw new Error('the question is out of date')
    due = performance.now() + TURN
  }
  try {
    const loaded = await model
    await rest()
    tell({ kind, id, answer: await answers[kind](loaded as never, question, rest) } as ToPage)
  } catch (error) {
    const { message } = error as Error
    if (latest.get(kind) === id) tell({ kind, id, error: { message } })
  }
}
