import { cells, hasC } from '../../device/cells.js'
import { codeOf } from './cell-code.js'
import { type Grid, gateCount } from './layer-grid.js'

/** What a pass over a layer keeps besides its gates; each section has `width` values for each place of the sequences. */
type Section =
  /** h before the step. It is the first one, so that matrix products can read it. */
  | 'before'
  /** The value that a cell keeps besides its gates. */
  | 'extra'
  /** With layer normalization: the normalized sums of the hidden state, and the gradients of sums · gain + bias. */
  | 'normal'
  | 'gradient'
  /** The same of c. */
  | 'normalC'
  | 'gradientC'
  /** 1 / √(variance + ε) of each group of gates, and of c. */
  | 'scales'
  /** The gradients of the peepholes. */
  | 'peepholes'

/** The sections that a cell has, in their order. */
function widthsOf(grid: Grid): [Section, number][] {
  const { cell, hiddenSize, normalized } = grid
  const rows = gateCount(cell) * hiddenSize
  const c = normalized && hasC(cell) ? hiddenSize : 0
  const all: [Section, number][] = [
    ['before', hiddenSize],
    ['extra', codeOf(grid).extra ? hiddenSize : 0],
    ['normal', normalized ? rows : 0],
    ['gradient', normalized ? rows : 0],
    ['normalC', c],
    ['gradientC', c],
    ['scales', normalized ? cells[cell].groups.length + 1 : 0],
    ['peepholes', (codeOf(grid).peepholes ?? []).length * hiddenSize],
  ]
  return all.filter(([, width]) => width > 0)
}

/** Values of a tape for each place. */
export const tapeWidth = (grid: Grid): number => widthsOf(grid).reduce((sum, [, width]) => sum + width, 0)

/** Values of a whole tape for so many places; at its end are the lengths of the sequences, if they have their own. */
export const tapeLength = (grid: Grid, places: number, batchSize: number): number =>
  places * tapeWidth(grid) + (grid.uneven ? batchSize : 0)

/** Values of a tape before a section, for each place. */
export function sectionStart(grid: Grid, section: Section): number {
  const widths = widthsOf(grid)
  const at = widths.findIndex(([name]) => name === section)
  return widths.slice(0, at).reduce((sum, [, width]) => sum + width, 0)
}

/** A value of the place `at` in WGSL, where `places` is the number of places. */
export function onTape(grid: Grid, section: Section, index: string): string {
  const width = new Map(widthsOf(grid)).get(section)
  return `tape[${sectionStart(grid, section)}u * places + at * ${width}u + ${index}]`
}
