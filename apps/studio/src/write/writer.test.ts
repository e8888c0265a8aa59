import { decodeModel, RNN, RNNModel, Vocab } from 'unrolled'
import { expect, test } from 'vitest'
import type { CurrentText } from '../current'
import type { Completions } from './complete'
import type { ToPage, ToWorker } from './messages'
import { Writer } from './writer'

/** A worker whose answers the test gives. */
function written() {
  const heard = new EventTarget()
  const sent: ToWorker[] = []
  const writer = new Writer({
    addEventListener: heard.addEventListener.bind(heard),
    postMessage: (message: ToWorker) => sent.push(message),
    terminate: () => undefined,
  })
  return {
    writer,
    sent,
    /** Waits until the text of that number has reached the worker. */
    asked: (id: number) => expect.poll(() => sent.at(-1)).toMatchObject({ kind: 'text', id }),
    tell: (data: ToPage) => heard.dispatchEvent(Object.assign(new Event('message'), { data })),
    fail: () => heard.dispatchEvent(new Event('error')),
  }
}

const vocab = Vocab.count('abab')
const model = (name: string): CurrentText => ({
  ...{ kind: 'model', name, vocab, config: {} as CurrentText['config'] },
  model: new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: 2 }), vocab.size),
})
const options = { temperature: 1, topK: 0, samples: 1, length: 1 }
const made = (of: string): Completions => ({ of, texts: ['b'], unknown: [], reads: undefined, charactersPerSecond: 1 })
const never = new AbortController().signal

test('a model is sent once, whole, and texts follow it; another model is sent before its texts', async () => {
  const { writer, sent, asked, tell } = written()
  const [first, second] = [model('first'), model('second')]
  const ask = async (by: CurrentText, text: string, id: number) => {
    const completed = writer.complete(by, text, options, never)
    await asked(id)
    expect(sent.at(-1)).toMatchObject({ text, options })
    tell({ id, made: made(text) })
    expect(await completed).toEqual(made(text))
  }
  await ask(first, 'a', 0)
  await ask(first, 'ab', 1)
  await ask(second, 'ab', 2)
  expect(sent.map(({ kind }) => kind)).toEqual(['model', 'text', 'text', 'model', 'text'])
  const of = async (at: number) =>
    (await decodeModel((sent[at] as ToWorker & { kind: 'model' }).files)).model.stateDict()
  expect(await of(0)).toEqual(first.model.stateDict())
  expect(await of(3)).toEqual(second.model.stateDict())
})

test('nothing is heard of a text that another one has replaced, nor of one that is not wanted any more', async () => {
  const { writer, asked, tell } = written()
  const by = model('first')
  const abort = new AbortController()
  const stale = writer.complete(by, 'a', options, abort.signal)
  stale.catch(() => undefined)
  await asked(0)
  abort.abort()
  await expect(stale).rejects.toThrow('aborted')
  const latest = writer.complete(by, 'ab', options, never)
  await asked(1)
  tell({ id: 0, made: made('a') })
  tell({ id: 1, made: made('ab') })
  expect((await latest).of).toBe('ab')
})

test('what goes wrong in the worker is thrown, with its code; where there is no worker, at each text', async () => {
  const { writer, asked, tell, fail } = written()
  const by = model('first')
  const failed = writer.complete(by, 'a', options, never)
  failed.catch(() => undefined)
  await asked(0)
  tell({ id: 0, error: { name: 'DataError', message: 'no file', code: 'no-files' } })
  await expect(failed).rejects.toMatchObject({ name: 'DataError', message: 'no file', code: 'no-files' })
  fail()
  await expect(writer.complete(by, 'a', options, never)).rejects.toThrow('cannot be loaded')
})
