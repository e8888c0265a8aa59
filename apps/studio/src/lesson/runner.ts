import { computed, signal } from '@preact/signals'
import { book } from './book'
import { type Cell, cells, cellsOf } from './cells'
import { policedWorker } from './policed-worker'
import type { FromCells, ToCells } from './run/messages'

/** Milliseconds that a cell has to end by itself when it is stopped; then its worker is ended, with all variables. */
const PATIENCE = 1500

/** The cells that wait to be run, after the one that runs. */
const queue = signal<readonly Cell[]>([])
const running = signal<Cell | undefined>(undefined)

/** Whether a cell runs. */
export const busy = computed(() => running.value !== undefined)

/** Whether the variables were lost with the worker, because a cell did not stop by itself. */
export const lost = signal(false)

let worker: Promise<Worker> | undefined
let flag: Int32Array | undefined
let patience: ReturnType<typeof setTimeout> | undefined

/** Runs a cell, after those cells of its program before it that have not run as they are now. */
export function run(cell: Cell): void {
  const before = cellsOf(cell.program).filter(({ number }) => number < cell.number)
  enqueue([...before.filter((one) => !hasRun(one)), cell])
}

/** Whether a cell has run as it is now; one that was stopped has left what it had made until then. */
const hasRun = ({ state, ran, code }: Cell): boolean =>
  (state.peek() === 'done' || state.peek() === 'stopped') && ran === code.peek()

/** Runs all cells from the top. */
export const runAll = (): void => enqueue(cells)

function enqueue(more: readonly Cell[]): void {
  lost.value = false
  const known = new Set([...queue.peek(), running.peek()])
  const added = more.filter((cell) => !known.has(cell))
  for (const cell of added) cell.state.value = 'waiting'
  queue.value = [...queue.peek(), ...added]
  void next()
}

async function next(): Promise<void> {
  if (running.peek()) return
  const [cell, ...others] = queue.peek()
  if (!cell) return
  queue.value = others
  running.value = cell
  cell.state.value = 'running'
  cell.outputs.value = []
  cell.ran = cell.code.peek()
  try {
    worker ??= begun()
    const now = await worker
    if (running.peek() !== cell) return
    // It may have been stopped before the worker was ready.
    if (patience !== undefined) return ended(cell, 'stopped')
    if (flag) Atomics.store(flag, 0, 0)
    tell(now, { type: 'run', name: cell.name, program: cell.program, code: cell.ran })
  } catch (error) {
    worker = undefined
    cell.outputs.value = [{ type: 'error', text: (error as Error).message }]
    ended(cell, 'failed')
  }
}

async function begun(): Promise<Worker> {
  const [text, made] = await Promise.all([book(), policedWorker()])
  flag = crossOriginIsolated ? new Int32Array(new SharedArrayBuffer(4)) : undefined
  made.onmessage = ({ data }: MessageEvent<FromCells>) => hear(data)
  made.onerror = ({ message }) => {
    const cell = running.peek()
    if (!cell) return
    cell.outputs.value = [...cell.outputs.peek(), { type: 'error', text: message || 'the worker cannot be loaded' }]
    end('failed')
  }
  tell(made, { type: 'begin', book: text, stop: flag })
  return made
}

const tell = (to: Worker, message: ToCells) => to.postMessage(message)

function hear(message: FromCells): void {
  const cell = running.peek()
  if (message.type === 'output') tellOutputs(message)
  else if (cell?.name === message.name) ended(cell, message.ending)
}

/** Shows what a cell puts out, also after it has ended: its timers and promises may go on. */
function tellOutputs({ name, outputs }: Extract<FromCells, { type: 'output' }>): void {
  const cell = cells.find((one) => one.name === name)
  if (!cell) return
  cell.outputs.value = [...cell.outputs.peek(), ...outputs]
  if (cell.state.peek() === 'done' && outputs.some(({ type }) => type === 'error')) cell.state.value = 'failed'
}

function ended(cell: Cell, state: 'done' | 'failed' | 'stopped'): void {
  clearTimeout(patience)
  patience = undefined
  cell.state.value = state
  running.value = undefined
  // What follows would only fail, too.
  if (state !== 'done') unqueue()
  void next()
}

function unqueue(): void {
  for (const cell of queue.peek()) cell.state.value = 'fresh'
  queue.value = []
}

/** Stops the cell that runs; what it has made so far stays, unless it does not stop by itself. */
export function stop(): void {
  unqueue()
  if (!running.peek() || patience !== undefined) return
  if (flag) Atomics.store(flag, 0, 1)
  void worker?.then((now) => tell(now, { type: 'stop' }))
  patience = setTimeout(() => {
    lost.value = true
    end('stopped')
  }, PATIENCE)
}

/** Ends the worker, and with it all variables; a cell that ran ends so. */
function end(state: 'failed' | 'stopped'): void {
  clearTimeout(patience)
  patience = undefined
  void worker?.then((now) => now.terminate()).catch(() => {})
  worker = undefined
  flag = undefined
  unqueue()
  const cell = running.peek()
  running.value = undefined
  for (const one of cells) if (one !== cell && one.state.peek() !== 'fresh') one.state.value = 'fresh'
  if (!cell) return
  cell.state.value = state
  cell.ran = undefined
}

/** Begins anew: without variables and outputs, but with the reader's edits. */
export function restart(): void {
  end('stopped')
  lost.value = false
  for (const cell of cells) {
    cell.state.value = 'fresh'
    cell.outputs.value = []
  }
}
