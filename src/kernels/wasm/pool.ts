import { UnrolledError } from '../../core/errors.js'
import type { BlasFiles } from '../blas/sgemm.js'
import { worker as code } from './binary.js'
import type { KernelExports } from './exports.js'
import { closeGate, type Gate, newGate } from './gate.js'
import type { LinearMemory } from './memory.js'
import { roomForWorkers } from './room.js'

/** Pieces of work that threads share, in the order of their numbers in assembly/pool.ts. */
const kinds = ['forward', 'backward', 'gradients', 'inputGradients', 'productRows'] as const

/** Values of `Board` in assembly/pool.ts, and the places of those that are looked at from here. */
const [BOARD_LENGTH, NEXT, DONE, FAILED] = [7, 4, 5, 6]
/** Nothing more to take: `CLOSED` there. */
const CLOSED = 0xffff

/**
 * Milliseconds without a sign of life from anybody after which, the second time, a thread is taken for dead; or, if that
 * is longer, so many times as long as this thread has worked on the job: pieces may be large, and the machine busy.
 */
const [SILENCE, TIMES] = [10_000, 10]

/** What a worker is given: wasm/worker.ts. */
export interface WorkerTask {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Address of the board, and the places on it that a failure is told by. */
  board: number
  done: number
  failed: number
  /** Where the kernels use the system's BLAS, which is loaded inside the gate. */
  blas: BlasFiles | undefined
  gate: Gate
  /** Which workers have begun to serve, and the number of this one among them. */
  serving: Int32Array
  number: number
}

type Worker = InstanceType<NonNullable<ReturnType<typeof nodeThreads>>['Worker']>

/** The workers of a pool and what happened to them; apart from the pool, so that they don't keep it alive. */
interface Crew {
  readonly workers: Worker[]
  readonly gate: Gate
  /** One that served has ended. */
  ended: boolean
}

/** Ends the workers of kernels that nobody uses any more. */
const abandoned = new FinalizationRegistry<Crew>(end)

/** The gates of all crews. */
const gates = new Set<Gate>()

/** Ends workers without harm to the process. */
function end({ workers, gate }: Crew): void {
  closeGate(gate)
  gates.delete(gate)
  for (const worker of workers) worker.terminate()
}

/** What a process says and does once. */
const once = { warned: false, watching: false }

/** Says why there are fewer threads than were asked for. */
function warn(workers: number, wanted: number, why: string): void {
  if (!once.warned) console.warn(`kernels: ${workers + 1} of ${wanted + 1} threads do the work (${why})`)
  once.warned = true
}

/** Threads that share the kernels' memory; they sleep where there is no work, and keep no process alive. */
export class Pool {
  #board = 0
  #crew: Crew | undefined

  constructor(
    readonly code: KernelExports,
    readonly memory: LinearMemory,
    readonly module: WebAssembly.Module,
    readonly threads: number,
    readonly blas?: BlasFiles,
  ) {}

  /** The threads beside the one that asks for the work. */
  get workers(): readonly Worker[] {
    return this.#crew?.workers ?? []
  }

  /** Does `items` pieces of work. @throws UnrolledError where a thread has died; the next call starts new ones. */
  run(kind: (typeof kinds)[number], plan: number, items: number): void {
    const number = kinds.indexOf(kind)
    if (this.threads === 1 || items === 1) {
      this.code.runAll(number, plan, items)
      return
    }
    this.#crew ??= this.#start()
    if (this.#crew.ended) this.#fail()
    const began = performance.now()
    this.code.post(this.#board, number, plan, items, this.threads - 1)
    const silence = Math.max(SILENCE, TIMES * (performance.now() - began))
    while (!this.code.settled(this.#board)) this.#wait(plan, items, silence)
  }

  /** Ends the threads; the next work starts new ones, on a new board: this one is left to who may still look at it. */
  stop(): void {
    if (!this.#crew) return
    abandoned.unregister(this)
    Atomics.store(this.memory.ints, this.#board / 4 + NEXT, CLOSED)
    end(this.#crew)
    this.#crew = undefined
  }

  #start(): Crew {
    const { module, blas, memory } = this
    this.#board = memory.allocate(BOARD_LENGTH)
    memory.zero(this.#board, BOARD_LENGTH)
    const wanted = this.threads - 1
    const crew: Crew = { workers: [], gate: newGate(), ended: false }
    const serving = new Int32Array(new SharedArrayBuffer(4 * wanted))
    const [board, gate] = [this.#board, crew.gate]
    const task = { module, memory: memory.memory, board, done: DONE, failed: FAILED, blas, gate, serving }
    if (!once.watching) process.on('exit', () => gates.forEach(closeGate))
    once.watching = true
    gates.add(gate)
    try {
      const room = roomForWorkers()
      while (crew.workers.length < Math.min(wanted, room.workers)) startWorker(crew, task)
      if (crew.workers.length < wanted) warn(crew.workers.length, wanted, room.limit)
    } catch (error) {
      warn(crew.workers.length, wanted, (error as Error).message)
    }
    abandoned.register(this, crew, this)
    return crew
  }

  #wait(plan: number, items: number, silence: number): void {
    const { ints } = this.memory
    // A plan begins with its beat.
    const [board, beats] = [this.#board / 4, plan / 4]
    for (let silences = 0; silences < 2; ) {
      if (Atomics.load(ints, board + FAILED)) break
      const done = Atomics.load(ints, board + DONE)
      if (done === items) return
      const beat = ints[beats]
      const silent = Atomics.wait(ints, board + DONE, done, silence) === 'timed-out' && ints[beats] === beat
      silences = silent ? silences + 1 : 0
    }
    this.#fail()
  }

  #fail(): never {
    this.stop()
    throw new UnrolledError(
      'kernels: a worker thread has died, and this step with it; do the step again, or choose threads: 1',
    )
  }
}

/** Starts one more worker. */
function startWorker(crew: Crew, task: Omit<WorkerTask, 'number'>): void {
  const { Worker } = nodeThreads()!
  const number = crew.workers.length
  const workerData: WorkerTask = { ...task, number }
  const worker = new Worker(code, { eval: true, workerData, execArgv: [] })
  worker.unref()
  let started = true
  worker.on('error', ({ message }) => {
    if (Atomics.load(task.serving, number)) return
    started = false
    warn(crew.workers.length - 1, task.serving.length, message)
  })
  worker.on('exit', () => {
    // One that could not start has taken no work, and the others do without it.
    if (started) crew.ended = true
  })
  crew.workers.push(worker)
}

/** Node's threads, where they and shared memory exist. */
export function nodeThreads() {
  const { process } = globalThis as { process?: NodeJS.Process }
  return typeof SharedArrayBuffer === 'function' ? process?.getBuiltinModule?.('node:worker_threads') : undefined
}
