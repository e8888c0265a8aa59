import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { pieceKinds } from './from-assembly.js'
import type { Allocate } from './linear-memory.js'
import { type Piece, runPieces } from './pieces.js'
import { type Panels, placed, residentIn } from './resident.js'

/** Rows of weights that one piece of work lays out: a multiple of the columns of any panel. */
export const ROWS = 128

/** A row-major matrix, and its panels. */
interface Matrix {
  /** The addresses of both. */
  from: number
  to: number
  rows: number
  columns: number
  /** Whether its rows become the columns of the panels. */
  transposed: boolean
  /** Rows of a panel, and its columns. */
  depth: number
  width: number
}

/** The pieces that lay a matrix out in panels. */
export function intoPanels({ from, to, rows, columns, transposed, depth, width }: Matrix): Piece[] {
  const kind = transposed ? pieceKinds.loadColumns : pieceKinds.loadRows
  return Array.from({ length: Math.ceil(rows / ROWS) }, (_, i) => ({
    kind,
    length: Math.min(ROWS, rows - i * ROWS),
    x: from + i * ROWS * columns * 4,
    y: to + i * ROWS * (transposed ? depth : width) * 4,
    columns,
    panel: depth * width * 4,
    width,
  }))
}

/** A weight in panels. */
export interface PanelOptions {
  /** A name for the panels: those of the same name are the same. */
  layout: string
  /** That of the panels. */
  length: number
  /** What makes them, but for the zeros of their padding. */
  pieces(from: number, to: number): readonly Piece[]
  /** Whether they are made for this caller alone, who keeps them as they are when the weight changes. */
  frozen?: boolean
}

/** The address of a weight in panels, which are kept if it is a resident. */
export function inPanels(
  engine: Engine,
  allocate: Allocate,
  weight: HostStorage,
  { layout, length, pieces, frozen }: PanelOptions,
): number {
  const { memory } = engine
  const prepare = (from: number, to: number) => {
    if (length !== weight.length) memory.zero(to, length)
    return pieces(from, to)
  }
  const kept = frozen ? undefined : residentIn(memory, weight)?.panels(layout, length, prepare)
  if (kept) {
    if (isStale(kept)) renew(engine, kept)
    kept.used = true
    return kept.address
  }
  const address = allocate(length)
  memory.scope((scratch) => runPieces(engine, prepare(placed(memory, scratch, weight), address), weight.length))
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
    stale.flatMap(({ pieces }) => pieces),
    stale.reduce((sum, { of }) => sum + of.length, 0),
  )
  for (const made of stale) {
    made.version = made.of.version
    made.used = false
  }
}
