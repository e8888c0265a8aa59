import { isDeepStrictEqual } from 'node:util'
import { FormatError } from '../../src/core/errors.js'
import { Generator } from '../../src/core/random.js'
import { type Mutation, mutations } from './mutations.js'

/** A reader of files that strangers made. */
export interface Target {
  readonly name: string
  /** Valid files, from which the mutated ones are made. */
  readonly seeds: readonly Uint8Array[]
  /** Mutations that know this kind of file, beside those of bytes. */
  readonly mutations?: readonly Mutation[]
  /** @throws FormatError for a file that is refused */
  read(file: Uint8Array): unknown
  /**
   * What `read` must give, by an implementation that shares nothing with it: undefined if it must refuse the file.
   * Without one, all that is asked of `read` is to give something or throw a FormatError.
   */
  expected?(file: Uint8Array): unknown
}

/** What became of some mutated files of a target. */
export interface Outcome {
  files: number
  /** How many were read, and read right; all others were refused with a FormatError. */
  read: number
  /** The most time that a file took, in milliseconds of the processor, and the seed of that file. */
  slowest: { milliseconds: number; seed: number }
  /** The most bytes that the process grew by. */
  growth: number
}

/** A file that was neither read right nor refused with a FormatError. */
export interface Finding {
  seed: number
  file: Uint8Array
  problem: string
}

const memory = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The file of a seed, always the same. */
export function mutated({ seeds, mutations: own = [] }: Target, seed: number): Uint8Array {
  const generator = new Generator(seed)
  const below = (limit: number) => Math.floor(generator.uniform() * limit)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]
  let file = pick(seeds)
  // Of several changes, the first that makes a file invalid hides the others, so most files have one.
  for (let left = below(4) ? 1 : 1 + below(4); left > 0; left--) {
    file = pick(own.length > 0 && below(2) ? own : mutations)(file, { below, pick, other: pick(seeds) })
  }
  return file
}

/** Reads the mutated files of `count` seeds. @param progress is called after every thousand files */
export async function fuzz(
  target: Target,
  { seed, count, progress }: { seed: number; count: number; progress?: (outcome: Outcome) => void },
): Promise<{ outcome: Outcome; finding?: Finding }> {
  const outcome: Outcome = { files: 0, read: 0, slowest: { milliseconds: 0, seed }, growth: 0 }
  const before = memory()
  for (let one = seed; one < seed + count; one++) {
    const file = mutated(target, one)
    const start = process.cpuUsage()
    const result = await resultOf(target, file)
    const { user, system } = process.cpuUsage(start)
    const milliseconds = (user + system) / 1000
    if (milliseconds > outcome.slowest.milliseconds) outcome.slowest = { milliseconds, seed: one }
    outcome.files++
    if ('value' in result) outcome.read++
    const problem = problemOf(target, file, result)
    if (problem !== undefined) return { outcome, finding: { seed: one, file, problem } }
    if (outcome.files % 1000 > 0) continue
    outcome.growth = Math.max(outcome.growth, memory() - before)
    progress?.(outcome)
  }
  return { outcome }
}

type Result = { value: unknown } | { error: unknown }

async function resultOf(target: Target, file: Uint8Array): Promise<Result> {
  try {
    return { value: await target.read(file) }
  } catch (error) {
    return { error }
  }
}

function problemOf(target: Target, file: Uint8Array, result: Result): string | undefined {
  if ('error' in result && !(result.error instanceof FormatError)) {
    return `it gave ${result.error instanceof Error ? result.error.stack : result.error}, expected a FormatError`
  }
  if (!target.expected) return undefined
  const expected = target.expected(file)
  if ('error' in result) {
    return expected === undefined ? undefined : `it was refused (${(result.error as Error).message}), but it is valid`
  }
  if (expected === undefined) return 'it was read, but must be refused'
  return isDeepStrictEqual(result.value, expected) ? undefined : 'it was read, but not right'
}
