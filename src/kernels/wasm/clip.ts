import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { pieceKinds } from './from-assembly.js'
import { type Piece, piecesOf, runPieces, writeRule } from './pieces.js'
import { placed, settle } from './resident.js'

/** √Σ x² over all values of all storages, in double precision; if it is above `most`, they are all scaled by most / norm. */
export function clipNorm(engine: Engine, xs: readonly HostStorage[], most: number): number {
  const { memory } = engine
  return memory.scope((allocate) => {
    const addresses = xs.map((x) => placed(memory, allocate, x))
    const values = xs.reduce((sum, { length }) => sum + length, 0)
    const parts = xs.flatMap((x, i) =>
      Array.from(piecesOf(x.length), ({ from, length }) => ({ x: addresses[i] + from * 4, length })),
    )
    const sums = allocate(2 * parts.length)
    const all = (of: (part: Piece, i: number) => Piece) => runPieces(engine, parts.map(of), values)
    all((part, i) => ({ ...part, kind: pieceKinds.squares, y: sums + i * 8 }))
    const squares = memory.doubles(sums, parts.length)
    const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0))
    if (norm > most) {
      const rule = writeRule(memory, allocate, { rate: most / norm })
      all((part) => ({ ...part, kind: pieceKinds.scale, rule }))
      for (const [i, x] of xs.entries()) settle(memory, addresses[i], x)
    }
    return norm
  })
}
