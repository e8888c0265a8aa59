// The differences between runtimes. `#platform` stands for node/ or browser/, which offer the same functions.

/** The workers of one pool. The thread that starts them also takes part in the work. */
export interface Crew {
  readonly workers: readonly unknown[]
  /** Whether a worker that had begun to serve has ended. */
  readonly ended: boolean
  /** Terminates all workers without harm to the process. */
  end(): void
}

/** The task of a pool's workers: the kernels, and the addresses in their memory through which work is handed out. */
export interface CrewTask {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** The address of the board, and the places on it that report a failure. */
  board: number
  done: number
  failed: number
  /** Defined if the kernels use the system's BLAS. */
  blas: BlasFiles | undefined
}

/** The task of one worker. */
export interface WorkerTask extends CrewTask {
  /** Which workers have begun to serve, and this worker's number among them. */
  serving: Int32Array
  number: number
}

/** The files that matrix products need: the system's BLAS, and the entry of the package koffi, which calls it. */
export interface BlasFiles {
  library: string
  koffi: string
}

/** C[m, n] += A[m, k] · op(B)[k, n], all row-major: addresses are in bytes, lengths of rows in values. */
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

/** C[m, n] = op(A)[m, k] · op(B)[k, n], all row-major; A may be stored as [k, m] and B as [n, k]. */
export interface Product {
  m: number
  n: number
  k: number
  transposeA?: boolean
  transposeB?: boolean
}

/** The system's library of matrix products. It computes on the calling thread. */
export interface Blas {
  /** Its usual name: `OpenBLAS`, `Accelerate`. */
  readonly name: string
  readonly files: BlasFiles
  sgemm(a: Float32Array, b: Float32Array, c: Float32Array, product: Product): void
  /** Products of matrices in a memory. */
  bind(memory: WebAssembly.Memory): Sgemm
}

/** The functions that each runtime offers. */
export interface Platform {
  /** The number of threads that the machine runs at the same time. */
  processors(): number
  /** Whether this thread may share memory with others that it starts, and wait for them. */
  hasThreads(): boolean
  /** Starts `wanted` workers, or as many as there is room for, and warns if they are fewer. */
  startCrew(task: CrewTask, wanted: number): Crew
  /** Switches relaxed SIMD on if it is behind a flag, which must be set before the kernels are compiled. */
  allowRelaxedSimd(): void
  /**
   * Kernels with everything by their vectors, as kernels/wasm/printable.ts writes them; those of 256 bits are for engines that
   * merge two vectors of 128 bits. Undefined on a runtime that has no such engine, and whose programs should be small.
   */
  readonly kernels: Readonly<Record<'relaxed-simd' | 'simd-256', string>> | undefined
  /** Makes the engine merge vectors, if it can; returns whether it can on this machine. */
  mergeVectors(): boolean
  /** What the environment says about vectors: `UNROLLED_SIMD`. */
  simdSetting(): string | undefined
  /** The bytes of memory that this process may use; Infinity if unknown. */
  memoryLimit(): number
  /** Whether the program may end this thread at any moment, as it may end all but the main one. */
  mayBeTerminated(): boolean
  /** Finds the system's BLAS; undefined if there is none. */
  findBlas(): Blas | undefined
  /** Waits for one turn of the event loop, so that signals, timers and the page get their turn. */
  nextTurn(): Promise<void>
}

/**
 * The entry to WebGPU. It is exported beside the platform, so that bundles of programs without a GPU do not contain it.
 * @throws Error whose message says why there is none
 */
export type FindGpu = () => Promise<GPU>

let warned = false

/** Warns once that there are fewer threads than requested, and why. */
export function warnOfThreads(workers: number, wanted: number, why: string): void {
  if (!warned) console.warn(`kernels: ${workers + 1} of ${wanted + 1} threads do the work (${why})`)
  warned = true
}

/** Runs the kernels' loop over the work of a pool in this thread, forever. */
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
