import { affine } from '../host/elementwise.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { pieceKinds } from './from-assembly.js'
import { type Piece, piecesOf, runPieces, writeRule } from './pieces.js'
import { placed, settle } from './resident.js'

/** Factors below it are not given to the threads, whose floats have fewer digits there. */
const SMALL = 2 ** -100

/** √Σ x² over all values of all storages, in double precision; if it is above `most`, they are all scaled by most / norm. */
export function clipNorm(engine: Engine, xs: readonly HostStorage[], most: number): number {
  const { memory } = engine
  return memory.scope((allocate) => {
    const addresses = new Map([...new Set(xs)].map((x) => [x, placed(memory, allocate, x)]))
    const partsOf = (all: Iterable<HostStorage>): Piece[] =>
      [...all].flatMap((x) =>
        Array.from(piecesOf(x.length), ({ from, length }) => ({ x: addresses.get(x)! + from * 4, length })),
      )
    const values = xs.reduce((sum, { length }) => sum + length, 0)
    const parts = partsOf(xs)
    const sums = allocate(2 * parts.length)
    const squares = parts.map((part, i) => ({ ...part, kind: pieceKinds.squares, y: sums + i * 8 }))
    runPieces(engine, squares, values)
    const norm = Math.sqrt(memory.doubles(sums, parts.length).reduce((sum, square) => sum + square, 0))
    const factor = most / norm
    if (!(norm > most)) return norm
    if (factor < SMALL) {
      for (const [x, address] of addresses) {
        const array = memory.floats.subarray(address / 4, address / 4 + x.length)
        affine(array, factor, 0, array)
      }
    } else {
      const rule = writeRule(memory, allocate, { rate: factor })
      const scaled = partsOf(addresses.keys()).map((part) => ({ ...part, kind: pieceKinds.scale, rule }))
      runPieces(engine, scaled, values)
    }
    for (const [x, address] of addresses) settle(memory, address, x)
    return norm
  })
}
