import { expect, test } from 'vitest'
import { Inspector } from './inspector'
import type { ToPage, ToWorker } from './messages'

/** A worker whose answers the test gives. */
function inspected() {
  const heard = new EventTarget()
  const sent: ToWorker[] = []
  let ended = false
  const inspector = new Inspector({
    addEventListener: heard.addEventListener.bind(heard),
    postMessage: (message: ToWorker) => sent.push(message),
    terminate: () => {
      ended = true
    },
  })
  return {
    inspector,
    /** The numbers of the questions that were sent. */
    ids: () => sent.flatMap((message) => (message.kind === 'model' ? [] : [message.id])),
    kinds: () => sent.map(({ kind }) => kind),
    tell: (data: ToPage) => heard.dispatchEvent(Object.assign(new Event('message'), { data })),
    fail: (message: string) => heard.dispatchEvent(Object.assign(new Event('error'), { message })),
    isEnded: () => ended,
  }
}

const files = () => ({ files: { 'config.json': new Uint8Array(1) } })
const spectrum = (id: number, value: number): ToPage => ({ kind: 'spectrum', id, answer: [value] })
const isSettled = async (promise: Promise<void>) =>
  (await Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(resolve, 0, false))])) as boolean

test('a stale answer is dropped: of an earlier question, of an earlier model, and of a part of the page that is gone', () => {
  const { inspector, ids, tell } = inspected()
  const taken: number[] = []
  const ask = (gate: number) => inspector.ask('spectrum', { layer: 0, gate }, ([value]) => taken.push(value))
  void inspector.look(files())
  ask(0)
  ask(1)
  const [first, second] = ids()
  tell(spectrum(first, 1))
  expect(taken).toEqual([])
  tell(spectrum(second, 2))
  expect(taken).toEqual([2])
  // An answer may come twice or late.
  tell(spectrum(first, 3))
  expect(taken).toEqual([2])
  void inspector.look(files())
  tell(spectrum(second, 4))
  expect(taken).toEqual([2])
  tell(spectrum(ids()[2], 5))
  expect(taken).toEqual([2, 5])
  const end = ask(0)
  end()
  tell(spectrum(ids()[3], 6))
  expect(taken).toEqual([2, 5])
})

test('nothing is asked before there is a model; then everything is, and again about each model', async () => {
  const { inspector, ids, kinds, tell } = inspected()
  inspector.ask('spectrum', { layer: 0, gate: 0 }, () => {})
  inspector.ask('gradients', { text: 'a' }, () => {})
  expect(kinds()).toEqual([])
  const look = inspector.look(files())
  expect(kinds()).toEqual(['model', 'spectrum', 'gradients'])
  tell(spectrum(ids()[0], 1))
  expect(await isSettled(look)).toBe(false)
  tell({ kind: 'gradients', id: ids()[1], answer: { own: [], rnn: [], lstm: [] } })
  expect(await isSettled(look)).toBe(true)
  void inspector.look(files())
  expect(kinds().slice(3)).toEqual(['model', 'spectrum', 'gradients'])
})

test('what goes wrong is told until the same question is answered', async () => {
  const { inspector, ids, tell, fail } = inspected()
  inspector.ask('spectrum', { layer: 0, gate: 0 }, () => {})
  inspector.ask('gradients', { text: 'a' }, () => {})
  const look = inspector.look(files())
  tell({ kind: 'spectrum', id: ids()[0], error: { message: 'no memory' } })
  tell({ kind: 'gradients', id: ids()[1], answer: { own: [], rnn: [], lstm: [] } })
  expect(inspector.fault.value).toEqual({ kind: 'other', detail: 'no memory' })
  expect(await isSettled(look)).toBe(true)
  void inspector.look(files())
  tell(spectrum(ids()[2], 1))
  expect(inspector.fault.value).toBeUndefined()
  fail('script error')
  expect(inspector.fault.value).toEqual({ kind: 'other', detail: 'script error' })
})

test('closing ends the worker and whoever waits', async () => {
  const { inspector, isEnded } = inspected()
  inspector.ask('spectrum', { layer: 0, gate: 0 }, () => {})
  const look = inspector.look(files())
  inspector.close()
  expect(isEnded()).toBe(true)
  expect(await isSettled(look)).toBe(true)
})
