// What the worker of a `Trainer` runs. scripts/build.mjs makes one file of it, which needs no other.
import { encodeModel } from '../formats/saved-model.js'
import { type PredictOptions, predict } from '../generate/generate.js'
import { kernels } from '../kernels/index.js'
import { resumeRun } from '../run/resume.js'
import type { Run } from '../run/run.js'
import type { RunEvent } from '../run/run-events.js'
import { textSource } from '../run/run-text.js'
import { startRun } from '../run/start.js'
import { type Begin, type Question, type ToPage, type ToWorker, thrownOf } from './messages.js'
import { OpfsStore } from './opfs-store.js'

/** Milliseconds between two messages with events, unless one is more than a step. */
const EVERY = 50
/** Messages with events that the page has not read, beyond which the training waits. */
const AHEAD = 4

const tell = (message: ToPage) => postMessage(message)
const abort = new AbortController()
let run: Run | undefined
let unread = 0
let paused = false
let goOn = () => {}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'begin') void begin(data.begin)
  else if (data.kind === 'stop') abort.abort()
  else if (data.kind === 'pause') paused = data.paused
  else if (data.kind === 'read') unread--
  else void answer(data)
  goOn()
})

async function begin({ kind, name, text, textName, options }: Begin): Promise<void> {
  try {
    const store = new OpfsStore(name)
    const source = textSource(text, textName)
    run = await (kind === 'start' ? startRun : resumeRun)(store, source, options, { signal: abort.signal })
    const { training, model, vocab } = run
    tell({
      kind: 'ready',
      notes: run.notes,
      warnings: run.warnings,
      facts: {
        step: training.step,
        tokens: run.text.corpus.length,
        sizes: run.text.sizes,
        vocabSize: vocab.size,
        parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
        kernels: kernels().name,
        threads: kernels().threads,
        options: run.options,
      },
    })
    await train(run)
    tell({ kind: 'over' })
  } catch (error) {
    tell({ kind: 'over', error: thrownOf(error) })
  } finally {
    await run?.close()
  }
}

/** Tells events, many at a time, and waits for a page that does not read them, or paused the training. */
async function train(run: Run): Promise<void> {
  let events: RunEvent[] = []
  let told = performance.now()
  const send = () => {
    if (events.length === 0) return
    tell({ kind: 'events', events })
    events = []
    unread++
    told = performance.now()
  }
  try {
    for await (const event of run.events()) {
      events.push(event)
      if (event.type !== 'step' || performance.now() - told >= EVERY) send()
      while ((paused || unread >= AHEAD) && !abort.signal.aborted) {
        send()
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
      }
    }
  } finally {
    send()
  }
}

async function answer(question: Question): Promise<void> {
  const { id } = question
  try {
    if (!run) throw new Error('the training has not begun')
    const value =
      question.kind === 'model'
        ? await encodeModel(run.model, run.vocab)
        : await predict(question.prefix, question.numPreds, run.model, run.vocab, question.options as PredictOptions)
    tell({ kind: 'answer', id, value })
  } catch (error) {
    tell({ kind: 'answer', id, error: thrownOf(error) })
  }
}
