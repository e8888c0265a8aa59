import { UnrolledError } from '../../core/errors.js'
import type { KernelExports } from './exports.js'
import type { LinearMemory } from './memory.js'

/** Pieces of work that threads share, in the order of their numbers in assembly/pool.ts. */
const kinds = ['forward', 'backward', 'gradients', 'inputGradients', 'productRows'] as const

/** Values of `Board` in assembly/pool.ts, and the places of those that are looked at from here. */
const [BOARD_LENGTH, NEXT, DONE, FAILED] = [7, 4, 5, 6]
/** Nothing more to take: `CLOSED` there. */
const CLOSED = 0xffff

/** Milliseconds without a sign of life from anybody after which, the second time, a thread is taken for dead. */
const SILENCE = 2_500

/** What a worker is given: wasm/worker.js. */
export interface WorkerTask {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Address of the board, and the places on it that a failure is told by. */
  board: number
  done: number
  failed: number
  /** The file of the system's BLAS, where the kernels use it. */
  blas: string | undefined
  /** One value: how many workers of this process still load the BLAS. */
  loading: Int32Array
}

/** What happened to a pool's workers; apart from the pool, so that they don't keep it alive. */
interface Fate {
  ended: boolean
}

/** What a pool needs of a worker once it runs. */
interface Ending {
  terminate(): Promise<number>
}

/** Ends the workers of kernels that nobody uses any more. */
const abandoned = new FinalizationRegistry<readonly Ending[]>(end)

let loading: Int32Array | undefined

/** The count of workers that load the BLAS. koffi takes the process with it where it is cut off while it loads. */
function loadingWorkers(): Int32Array {
  if (!loading) {
    loading = new Int32Array(new SharedArrayBuffer(4))
    process.on('exit', awaitLoading)
  }
  return loading
}

/** Blocks until no worker loads the BLAS any more; those that give no sign of life are forgotten. */
function awaitLoading(): void {
  if (!loading) return
  for (let left = Atomics.load(loading, 0); left > 0; left = Atomics.load(loading, 0)) {
    if (Atomics.wait(loading, 0, left, SILENCE) === 'timed-out') Atomics.store(loading, 0, 0)
  }
}

/** Ends workers without harm to the process. */
function end(workers: readonly Ending[]): void {
  awaitLoading()
  for (const worker of workers) worker.terminate()
}

/** Threads that share the kernels' memory; they sleep where there is no work, and keep no process alive. */
export class Pool {
  readonly workers: Ending[] = []
  #board = 0
  #fate: Fate | undefined

  constructor(
    readonly code: KernelExports,
    readonly memory: LinearMemory,
    readonly module: WebAssembly.Module,
    readonly threads: number,
    readonly blas?: string,
  ) {}

  /** Does `items` pieces of work. @throws UnrolledError where a thread has died; the next call starts new ones. */
  run(kind: (typeof kinds)[number], plan: number, items: number): void {
    const number = kinds.indexOf(kind)
    if (this.threads === 1 || items === 1) {
      this.code.runAll(number, plan, items)
      return
    }
    if (!this.#fate) this.#start()
    if (this.#fate?.ended) this.#fail()
    this.code.post(this.#board, number, plan, items, this.threads - 1)
    while (!this.code.settled(this.#board)) this.#wait(plan, items)
  }

  /** Ends the threads; the next work starts new ones, on a new board: this one is left to who may still look at it. */
  stop(): void {
    abandoned.unregister(this)
    if (this.#fate) Atomics.store(this.memory.ints, this.#board / 4 + NEXT, CLOSED)
    end(this.workers.splice(0))
    this.#fate = undefined
  }

  #start(): void {
    const { Worker } = nodeThreads()!
    const fate = { ended: false }
    const { module, blas, memory } = this
    this.#board = memory.allocate(BOARD_LENGTH)
    memory.zero(this.#board, BOARD_LENGTH)
    const [board, loading] = [this.#board, loadingWorkers()]
    const task: WorkerTask = { module, memory: memory.memory, board, done: DONE, failed: FAILED, blas, loading }
    if (blas) Atomics.add(loading, 0, this.threads - 1)
    for (let i = 1; i < this.threads; i++) {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: task, execArgv: [] })
      worker.unref()
      worker.on('error', () => undefined)
      worker.on('exit', () => {
        fate.ended = true
      })
      this.workers.push(worker)
    }
    this.#fate = fate
    abandoned.register(this, [...this.workers], this)
  }

  #wait(plan: number, items: number): void {
    const { ints } = this.memory
    // A plan begins with its beat.
    const [board, beats] = [this.#board / 4, plan / 4]
    for (let silences = 0; silences < 2; ) {
      if (Atomics.load(ints, board + FAILED)) break
      const done = Atomics.load(ints, board + DONE)
      if (done === items) return
      const beat = ints[beats]
      const silent = Atomics.wait(ints, board + DONE, done, SILENCE) === 'timed-out' && ints[beats] === beat
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

/** Node's threads, where they and shared memory exist. */
export function nodeThreads() {
  const { process } = globalThis as { process?: NodeJS.Process }
  return typeof SharedArrayBuffer === 'function' ? process?.getBuiltinModule?.('node:worker_threads') : undefined
}
