import { cells } from '../../device/cells.js'
import type { RecurrentSizes } from '../../device/device.js'
import type { Layout } from './layout.js'
import type { LinearMemory } from './memory.js'

/** The fields of `Plan` in assembly/plan.ts, which says what each is, in the same order; 4 bytes each. */
const fields = [
  'beat',
  'cell',
  'width',
  'panel',
  'stateStep',
  'steps',
  'reverse',
  'tokens',
  'batch',
  'rows',
  'inputSize',
  'hiddenSize',
  'features',
  'units',
  'blocks',
  'inputFirst',
  'inputBlocks',
  'hiddenFirst',
  'hiddenBlocks',
  'outFeatures',
  'outputs',
  'state',
  'slice',
  'x',
  'y',
  'dx',
  'dy',
  'inputs',
  'gates',
  'h',
  'c',
  'scores',
  'dh',
  'dc',
  'bias',
  'dbias',
  'outputBias',
  'dOutputBias',
  'inputWeights',
  'hiddenWeights',
  'inputWeightsBack',
  'hiddenWeightsBack',
  'outputWeights',
  'outputWeightsBack',
  'dInputWeights',
  'dHiddenWeights',
  'dOutputWeights',
] as const

export type PlanFields = Partial<Record<(typeof fields)[number], number>>

export const PLAN_LENGTH = fields.length

/** Writes the fields that are given at `address`, and zeros for the others. */
export function writePlan(memory: LinearMemory, address: number, values: PlanFields): void {
  memory.write(
    address,
    Int32Array.from(fields, (field) => values[field] ?? 0),
  )
}

/** The fields that follow from a layer's sizes and layout. */
export function layerFields(layout: Layout, sizes: RecurrentSizes): PlanFields {
  const { width, panel, rows, features, units, slice, blocks } = layout
  const { cell, numSteps, reverse, batchSize, inputSize, hiddenSize } = sizes
  return {
    cell: cells[cell].code,
    width,
    panel: panel * 4,
    stateStep: rows * width * 4,
    steps: numSteps,
    reverse: Number(reverse),
    batch: batchSize,
    rows,
    inputSize,
    hiddenSize,
    features,
    units,
    blocks: blocks.blocks,
    inputFirst: blocks.input.first,
    inputBlocks: blocks.input.gates.length,
    hiddenFirst: blocks.hidden.first,
    hiddenBlocks: blocks.hidden.gates.length,
    slice,
  }
}
