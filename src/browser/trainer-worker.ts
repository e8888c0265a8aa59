// The program of a `Trainer`'s worker. scripts/build.mjs bundles it into a single file.
import { DataError } from '../core/errors.js'
import { decodeModel, encodeModel } from '../formats/saved-model.js'
import { type PredictOptions, predict } from '../generate/generate.js'
import { kernels } from '../kernels/index.js'
import { resumeRun } from '../run/resume.js'
import type { Run } from '../run/run.js'
import type { RunEvent } from '../run/run-events.js'
import type { RunOptions } from '../run/run-options.js'
import { textSource } from '../run/run-text.js'
import { runToEnd } from '../run/run-to-end.js'
import { startRun } from '../run/start.js'
import { samplePrefixes } from '../train/sample-prefixes.js'
import { type Begin, type Question, type ToPage, type ToWorker, thrownOf } from './messages.js'
import { OpfsStore } from './opfs-store.js'

/** Milliseconds between two messages with events. */
const EVERY = 50
/** Messages with events that the page has not read, beyond which the training waits. */
const MOST_UNREAD = 4

const tell = (message: ToPage) => postMessage(message)
const abort = new AbortController()
let run: Run | undefined
let unread = 0
let paused = false
let endPause = () => {}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'begin') void begin(data.begin)
  else if (data.kind === 'stop') abort.abort()
  else if (data.kind === 'pause') paused = data.paused
  else if (data.kind === 'read') unread--
  else void answer(data)
  endPause()
})

/** The file in a run's store that keeps its text, so that the run can continue without being given it again. */
const TEXT = 'text.txt'

async function begin(told: Begin): Promise<void> {
  // The page waits for this lock, which is released when the worker ends, however it ends.
  void navigator.locks.request(told.life, () => new Promise(() => {}))
  let error: unknown
  try {
    const { store, source, begun } = await prepared(told)
    run = begun
    tellReady(run)
    const resume = async (options: Partial<RunOptions>) => {
      run = await resumeRun(store, source, options, { signal: abort.signal })
      tellReady(run)
      warn(`the training goes on after step ${run.training.step} on ${run.device.name}`)
      return run
    }
    await runToEnd(run, sendEvents, resume, (lost) => warn(lost.message))
  } catch (thrown) {
    error = thrown
  }
  tell({ kind: 'over', error: error === undefined ? undefined : thrownOf(error) })
}

/** Tells the page what is known before the next step. */
function tellReady({ training, model, vocab, text, device, options, notes, warnings }: Run): void {
  const { name, threads } = kernels()
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  const { corpus, sizes, source, changes } = text
  const prefixes = samplePrefixes(text.train, vocab)
  const ofText = { source, changes, prefixes, tokens: corpus.length, sizes, vocabSize: vocab.size }
  const facts = { step: training.step, ...ofText, parameters, device: device.name, kernels: name, threads, options }
  tell({ kind: 'ready', notes, warnings, facts })
}

const warn = (message: string): void => tellEvents([{ type: 'warning', message }])

function tellEvents(events: readonly RunEvent[]): void {
  tell({ kind: 'events', events })
  unread++
}

async function prepared({ kind, name, text, textName, options, model }: Begin) {
  const { signal } = abort
  const store = new OpfsStore(name)
  // Characters that UTF-8 cannot hold are replaced at the start, as they are when the text is read again.
  const bytes = text === undefined ? await store.read(TEXT, (file) => file.read(0, file.size)) : encoder.encode(text)
  if (!bytes) {
    throw new DataError(
      `${name}: the run has no saved text, expected the text as an argument; if there is no run of this name, begin one first`,
    )
  }
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  if (kind === 'resume') {
    const source = ([recorded]: readonly string[]) => textSource(decoded, textName ?? recorded)
    return { store, source, begun: await resumeRun(store, source, options, { signal }) }
  }
  const source = textSource(decoded, textName)
  const begun = await startRun(store, source, options, { signal, model: model && (await decodeModel(model, name)) })
  try {
    await store.write(TEXT, bytes)
  } catch (error) {
    await begun.close()
    throw error
  }
  return { store, source, begun }
}

const encoder = new TextEncoder()

/** Sends events in batches, and waits for a page that does not read them or that paused the training. */
async function sendEvents(run: Run): Promise<void> {
  let events: RunEvent[] = []
  let sent = -Infinity
  let timer: ReturnType<typeof setTimeout> | undefined
  const send = () => {
    clearTimeout(timer)
    timer = undefined
    if (events.length === 0) return
    tellEvents(events)
    events = []
    sent = performance.now()
  }
  try {
    for await (const event of run.events()) {
      events.push(event)
      const wait = sent + EVERY - performance.now()
      if (wait <= 0) send()
      else timer ??= setTimeout(send, wait)
      let kept = false
      while ((paused || unread >= MOST_UNREAD) && !abort.signal.aborted) {
        // The page may be closed during a pause.
        if (paused && !kept) {
          kept = true
          await run.save()
          continue
        }
        await new Promise<void>((resolve) => {
          endPause = resolve
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
