// The program of a `Trainer`'s worker. scripts/build.mjs bundles it into a single file.
import { DataError } from '../core/errors.js'
import { kernels } from '../kernels/index.js'
import type { Module } from '../nn/module.js'
import type { BaseRun } from '../run/base-run.js'
import type { RunEvent } from '../run/run-events.js'
import type { RunOptions } from '../run/run-options.js'
import { runToEnd } from '../run/run-to-end.js'
import { type Begin, type Question, type RunFacts, type ToPage, type ToWorker, thrownOf } from './messages.js'
import { OpfsStore } from './opfs-store.js'
import { textOf } from './texts.js'
import { seriesWork, type TrainerWork, textWork } from './trainer-work.js'

/** Milliseconds between two messages with events. */
const EVERY = 50
/** Messages with events that the page has not read, beyond which the training waits. */
const MOST_UNREAD = 4

const tell = (message: ToPage) => postMessage(message)
const abort = new AbortController()
/** Answers a question about the run; undefined before it has begun. */
let answerOf: ((question: Question) => Promise<unknown>) | undefined
let unread = 0
let paused = false
let endPause = () => {}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'begin')
    void (data.begin.on === 'text' ? begin(textWork, data.begin) : begin(seriesWork, data.begin))
  else if (data.kind === 'stop') abort.abort()
  else if (data.kind === 'pause') paused = data.paused
  else if (data.kind === 'read') unread--
  else void answer(data)
  endPause()
})

async function begin<R extends BaseRun<Module>>(work: TrainerWork<R, RunFacts>, told: Begin): Promise<void> {
  // The page waits for this lock, which is released when the worker ends, however it ends.
  void navigator.locks.request(told.life, () => new Promise(() => {}))
  let error: unknown
  try {
    const { signal } = abort
    const store = new OpfsStore(told.name)
    const bytes = await bytesOf(store, work.file, told)
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    const ready = (run: R): R => {
      answerOf = (question) => work.answer(run, question)
      tellReady(run, work.facts(run))
      return run
    }
    const resume = (options: Partial<RunOptions>) => work.resume(store, text, told, options, signal)
    const run = ready(told.kind === 'start' ? await begun(work, store, text, told, bytes) : await resume(told.options))
    const again = async (options: Partial<RunOptions>) => {
      const run = ready(await resume(options))
      warn(`the training goes on after step ${run.training.step} on ${run.device.name}`)
      return run
    }
    await runToEnd(run, sendEvents, again, (lost) => warn(lost.message))
  } catch (thrown) {
    error = thrown
  }
  tell({ kind: 'over', error: error === undefined ? undefined : thrownOf(error) })
}

/** The bytes of what a run trains on, which its store keeps. */
async function bytesOf(store: OpfsStore, file: string, { text, name, on }: Begin): Promise<Uint8Array> {
  // Characters that UTF-8 cannot hold are replaced at the start, as they are when the text is read again.
  if (text !== undefined) return new TextEncoder().encode(typeof text === 'string' ? text : await textOf(text))
  const bytes = await store.read(file, (saved) => saved.read(0, saved.size))
  if (bytes) return bytes
  throw new DataError(
    `${name}: the run has no saved ${on === 'text' ? 'text' : 'table'}, expected one; if there is no run of this name, begin one first`,
  )
}

/** Begins a run, and keeps what it trains on. */
async function begun<R extends BaseRun<Module>>(
  work: TrainerWork<R, RunFacts>,
  store: OpfsStore,
  text: string,
  told: Begin,
  bytes: Uint8Array,
): Promise<R> {
  const run = await work.start(store, text, told, abort.signal)
  try {
    await store.write(work.file, bytes)
    return run
  } catch (error) {
    await run.close()
    throw error
  }
}

/** Tells the page what is known before the next step. */
function tellReady(
  { training, model, device, options, notes, warnings }: BaseRun<Module>,
  own: Pick<RunFacts, 'source'>,
): void {
  const { name, threads } = kernels()
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  const facts = { step: training.step, ...own, parameters, device: device.name, kernels: name, threads, options }
  tell({ kind: 'ready', notes, warnings, facts })
}

const warn = (message: string): void => tellEvents([{ type: 'warning', message }])

function tellEvents(events: readonly RunEvent[]): void {
  tell({ kind: 'events', events })
  unread++
}

/** Sends events in batches, and waits for a page that does not read them or that paused the training. */
async function sendEvents(run: BaseRun<Module>): Promise<void> {
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
    if (!answerOf) throw new Error('the training has not begun')
    tell({ kind: 'answer', id, value: await answerOf(question) })
  } catch (error) {
    tell({ kind: 'answer', id, error: thrownOf(error) })
  }
}
