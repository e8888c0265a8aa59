import { language } from '../../language'
import { type Cell, cellsOf } from '../cells'
import type { Answers, ToCompiler } from './messages'

let worker: Worker | undefined
/** The language of its messages. */
let spoken: string | undefined
let questions = 0
const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>()

function begun(): Worker {
  spoken = language.peek()
  const made = new Worker(new URL('./compiler-worker.ts', import.meta.url), { type: 'module', name: spoken })
  made.onmessage = ({ data: { id, answer } }: MessageEvent<{ id: number; answer: never }>) => {
    waiting.get(id)?.resolve(answer)
    waiting.delete(id)
  }
  made.onerror = ({ message }) => {
    const error = new Error(message || 'the compiler cannot be loaded')
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    worker = undefined
  }
  return made
}

/** Asks the compiler about a cell, in its program. @throws if it cannot be loaded, or fails */
export function ask<T extends keyof Answers>(type: T, cell: Cell, at = 0): Promise<Answers[T]> {
  if (worker && spoken !== language.peek()) {
    // What was asked is asked again in the other language.
    worker.terminate()
    waiting.clear()
    worker = undefined
  }
  worker ??= begun()
  const id = questions++
  const cells = cellsOf(cell.program).map(({ name, code }) => ({ name, code: code.peek() }))
  const question = { id, type, at, program: cell.program, cells, cell: cell.name } as ToCompiler
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject })
    worker!.postMessage(question)
  })
}
