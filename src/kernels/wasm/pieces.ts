import { pieceFields, piecesFields, ruleFields } from './from-assembly.js'
import type { Allocate, LinearMemory } from './linear-memory.js'
import { writeFields } from './plan.js'
import type { Pool } from './pool.js'

/** What is done with a part of an array: see assembly/pieces.ts. */
export type Piece = Partial<Record<(typeof pieceFields)[number], number>>

/** The numbers that pieces work with: see assembly/update.ts. */
export type Rule = Partial<Record<(typeof ruleFields)[number], number>>

/** Values of a piece. */
const PIECE = 2 ** 14
/** Fewer values than these are not worth a thread's attention. */
const FEW = 2 ** 14
/** The most pieces of a job: threads count them with 16 bits. */
const MOST = 2 ** 15

/** The pieces of an array of `length` values: the index of the first value of each, and their number. */
export function* piecesOf(length: number): Iterable<{ from: number; length: number }> {
  for (let from = 0; from < length; from += PIECE) yield { from, length: Math.min(PIECE, length - from) }
}

/** Does what the pieces say, on all threads if they have `values` values together. */
export function runPieces(
  { memory, pool }: { memory: LinearMemory; pool: Pool },
  pieces: readonly Piece[],
  values: number,
): void {
  const size = pieceFields.length
  for (let first = 0; first < pieces.length; first += MOST) {
    const part = pieces.slice(first, first + MOST)
    memory.scope((allocate) => {
      const list = allocate(part.length * size)
      const words = new Int32Array(part.length * size)
      for (const [i, piece] of part.entries()) {
        for (let field = 0; field < size; field++) words[i * size + field] = piece[pieceFields[field]] ?? 0
      }
      memory.write(list, words)
      const plan = allocate(piecesFields.length)
      writeFields(memory, plan, piecesFields, { list })
      if (values < FEW) pool.runHere('pieces', plan, part.length)
      else pool.run('pieces', plan, part.length)
    })
  }
}

/** The address of a rule, with zeros for the numbers that are not given. */
export function writeRule(memory: LinearMemory, allocate: Allocate, rule: Rule): number {
  const address = allocate(ruleFields.length)
  memory.write(
    address,
    Float32Array.from(ruleFields, (field) => rule[field] ?? 0),
  )
  return address
}
