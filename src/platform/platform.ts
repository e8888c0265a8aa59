// What differs between runtimes. `#platform` stands for node/ or browser/, which offer the same functions.

/** The threads of one pool, beside the one that asks for the work. */
export interface Crew {
  readonly workers: readonly unknown[]
  /** One that served has ended. */
  readonly ended: boolean
  /** Ends all of them without harm to the process. */
  end(): void
}

/** What the threads of a pool are given: the kernels, and the places of their memory by which work is told. */
export interface CrewTask {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Address of the board, and the places on it that a failure is told by. */
  board: number
  done: number
  failed: number
  /** Where the kernels use the system's BLAS. */
  blas: BlasFiles | undefined
}

/** What one thread is given. */
export interface WorkerTask extends CrewTask {
  /** Which workers have begun to serve, and the number of this one among them. */
  serving: Int32Array
  number: number
}

/** The files that a product comes from: the system's BLAS, and the entry of the package koffi, which calls it. */
export interface BlasFiles {
  library: string
  koffi: string
}

/** C[m, n] += A[m, k] · op(B)[k, n], all row-major: addresses in bytes, lengths of rows in values. */
export type Sgemm = (
  transposeB: number,
  m: number,
  n: number,
  k: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  c: number,
  ldc: number,
) => void

/** C[m, n] = op(A)[m, k] · op(B)[k, n], all row-major; A is stored as [k, m] and B as [n, k] on demand. */
export interface Product {
  m: number
  n: number
  k: number
  transposeA?: boolean
  transposeB?: boolean
}

/** The system's library of matrix products. It computes on the thread that calls it. */
export interface Blas {
  /** As people know it: `OpenBLAS`, `Accelerate`. */
  readonly name: string
  readonly files: BlasFiles
  sgemm(a: Float32Array, b: Float32Array, c: Float32Array, product: Product): void
  /** Products of matrices in a memory. */
  bind(memory: WebAssembly.Memory): Sgemm
}

/** What a runtime offers. */
export interface Platform {
  /** Threads that the machine runs at once. */
  processors(): number
  /** Whether this thread may share memory with others that it starts, and wait for them. */
  hasThreads(): boolean
  /** Starts so many threads, or as many as there is room for, and warns where these are fewer. */
  startCrew(task: CrewTask, wanted: number): Crew
  /** Switches relaxed SIMD on where it is behind a flag, which may be set up to the moment of compiling. */
  allowRelaxedSimd(): void
  /** Bytes of memory that this process may use; Infinity where nobody knows. */
  memoryLimit(): number
  /** Undefined where there is none. */
  findBlas(): Blas | undefined
  /** Waits until the event loop went round once, so that signals, timers and the page get their turn. */
  nextTurn(): Promise<void>
}

let warned = false

/** Says once why there are fewer threads than were asked for. */
export function warnOfThreads(workers: number, wanted: number, why: string): void {
  if (!warned) console.warn(`kernels: ${workers + 1} of ${wanted + 1} threads do the work (${why})`)
  warned = true
}

/** Runs the kernels' loop over the work of a pool, in a thread of it, for good. */
export function serve({ module, memory, board, done, failed, serving, number }: WorkerTask, sgemm: Sgemm): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, sgemm } })
  Atomics.store(serving, number, 1)
  try {
    ;(exports as unknown as { serve(board: number): void }).serve(board)
  } catch {
    const ints = new Int32Array(memory.buffer)
    Atomics.store(ints, board / 4 + failed, 1)
    Atomics.notify(ints, board / 4 + done)
  }
}
