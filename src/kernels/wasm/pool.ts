import { platform } from '#platform'
import { UnrolledError } from '../../core/errors.js'
import type { BlasFiles, Crew } from '../../platform/platform.js'
import type { KernelExports } from './exports.js'
import { boardFields, CLOSED, jobs } from './from-assembly.js'
import type { LinearMemory } from './linear-memory.js'

/** The places of the numbers on a board that this side reads and writes. */
const [NEXT, DONE, FAILED] = (['next', 'done', 'failed'] as const).map((field) => boardFields.indexOf(field))

/** Milliseconds without a sign of life from anybody after which, the second time, a thread is taken for dead. */
export const SILENCE = 10_000
/** Or, if that is longer, so many times as long as this thread has worked on the job: pieces may be large, the machine busy. */
const TIMES = 10

/** Ends workers of kernels that nobody uses any more. */
const abandoned = new FinalizationRegistry<Crew>((crew) => crew.end())

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
  get workers(): readonly unknown[] {
    return this.#crew?.workers ?? []
  }

  /** Does `items` pieces of work. @throws UnrolledError where a thread has died; the next call starts new ones. */
  run(kind: keyof typeof jobs, plan: number, items: number): void {
    const number = jobs[kind]
    if (this.threads === 1 || items === 1) {
      this.code.runAll(number, plan, items)
      return
    }
    this.#crew ??= this.#start()
    if (this.#crew.ended) this.fail()
    const began = performance.now()
    this.code.post(this.#board, number, plan, items, this.threads - 1)
    const silence = Math.max(SILENCE, TIMES * (performance.now() - began))
    while (!this.code.settled(this.#board)) this.#wait(plan, items, silence)
  }

  /** Does them on this thread alone, because they are too small to share. */
  runHere(kind: keyof typeof jobs, plan: number, items: number): void {
    this.code.runAll(jobs[kind], plan, items)
  }

  /** Ends the threads; the next job starts new ones with a new board, because a thread may still be reading this one. */
  stop(): void {
    if (!this.#crew) return
    abandoned.unregister(this)
    Atomics.store(this.memory.ints, this.#board / 4 + NEXT, CLOSED)
    this.#crew.end()
    this.#crew = undefined
  }

  #start(): Crew {
    const { module, blas, memory } = this
    this.#board = memory.allocate(boardFields.length)
    memory.zero(this.#board, boardFields.length)
    const task = { module, memory: memory.memory, board: this.#board, done: DONE, failed: FAILED, blas }
    const crew = platform.startCrew(task, this.threads - 1)
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
    this.fail()
  }

  /** Ends the threads, because one has died. @throws UnrolledError that says so */
  fail(): never {
    this.stop()
    throw new UnrolledError(
      'kernels: a worker thread has died, and this step with it; do the step again, or choose threads: 1',
    )
  }
}
