import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { pieceKinds } from './from-assembly.js'
import type { Allocate } from './linear-memory.js'
import { type Piece, runPieces } from './pieces.js'
import { type Panels, placed, residentIn } from './resident.js'

/** Rows of weights that one piece of work lays out: a multiple of the columns of any panel. */
const ROWS = 128

/** A piece for some rows at a time: for the first of them, and their number. */
export const byRows = (rows: number, piece: (row: number, length: number) => Piece): Piece[] =>
  Array.from({ length: Math.ceil(rows / ROWS) }, (_, i) => piece(i * ROWS, Math.min(ROWS, rows - i * ROWS)))

/**
 * The pieces that lay a row-major matrix at `from` out in panels at `to`.
 * @param transposed whether its rows become the columns of the panels
 * @param depth rows of a panel
 * @param width columns of a panel
 */
export function intoPanels(
  from: number,
  to: number,
  rows: number,
  columns: number,
  transposed: boolean,
  depth: number,
  width: number,
): Piece[] {
  const kind = transposed ? pieceKinds.loadColumns : pieceKinds.loadRows
  return byRows(rows, (row, length) => ({
    kind,
    length,
    x: from + row * columns * 4,
    y: to + row * (transposed ? depth : width) * 4,
    columns,
    panel: depth * width * 4,
    width,
  }))
}

/**
 * The address of a weight in panels, which are kept if it is a resident.
 * @param layout a name for the panels: those of the same name are the same
 * @param length that of the panels
 * @param piecesOf what makes them, but for the zeros of their padding
 * @param frozen whether they are made for this caller alone, who keeps them as they are when the weight changes
 */
export function inPanels(
  engine: Engine,
  allocate: Allocate,
  weight: HostStorage,
  layout: string,
  length: number,
  piecesOf: (from: number, to: number) => readonly Piece[],
  frozen?: boolean,
): number {
  const { memory } = engine
  const kept = frozen ? undefined : residentIn(memory, weight)?.panels(layout, length)
  if (kept) {
    kept.pieces ??= piecesOf(kept.of.address, kept.address)
    if (isStale(kept)) renew(engine, kept)
    kept.used = true
    return kept.address
  }
  const address = allocate(length)
  if (length !== weight.length) memory.zero(address, length)
  memory.scope((scratch) => runPieces(engine, piecesOf(placed(memory, scratch, weight), address), weight.length))
  return address
}

const isStale = ({ of, version }: Panels): boolean => version !== of.version

/**
 * Makes panels again, and in the same job all others whose values have changed, if somebody wanted them after they were made
 * last: a step of training makes all its panels at once.
 */
function renew(engine: Engine, wanted: Panels): void {
  const stale = [...engine.residents.panels].filter((other) => other === wanted || (other.used && isStale(other)))
  runPieces(
    engine,
    stale.flatMap(({ pieces }) => pieces!),
    stale.reduce((sum, { of }) => sum + of.length, 0),
  )
  for (const made of stale) {
    made.version = made.of.version
    made.used = false
  }
}
