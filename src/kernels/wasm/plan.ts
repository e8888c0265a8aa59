import type { LayerSizes } from '../../device/device.js'
import { cellCodes, planFields } from './from-assembly.js'
import type { Layout } from './layout.js'
import type { LinearMemory } from './linear-memory.js'

/** Values of the fields of a plan by name: see assembly/plan.ts. */
export type PlanFields = Partial<Record<(typeof planFields)[number], number>>

export const PLAN_LENGTH = planFields.length

/** Writes the fields that are given at `address`, and zeros for the others. */
export const writePlan = (memory: LinearMemory, address: number, values: PlanFields): void =>
  writeFields(memory, address, planFields, values)

/** Writes values in the order of their fields, and zeros for those that are not given. */
export function writeFields<T extends string>(
  memory: LinearMemory,
  address: number,
  fields: readonly T[],
  values: Partial<Record<T, number>>,
): void {
  const { ints } = memory
  for (let i = 0, at = address / 4; i < fields.length; i++, at++) ints[at] = values[fields[i]] ?? 0
}

/** The fields that follow from a layer's sizes and layout. */
export function layerFields(layout: Layout, sizes: LayerSizes): PlanFields {
  const { width, panel, rows, parts, features, units, slice, blocks } = layout
  const { cell, reverse, batchSize, inputSize, hiddenSize } = sizes
  return {
    cell: cellCodes[cell],
    width,
    panel: panel * 4,
    stateStep: rows * width * 4,
    steps: layout.steps,
    chunks: 1,
    allSteps: layout.steps,
    reverse: Number(reverse),
    batch: batchSize,
    rows,
    parts,
    group: layout.groupOf(parts),
    shares: layout.shares,
    inputSize,
    hiddenSize,
    features,
    units,
    blocks: blocks.blocks,
    inputFirst: blocks.input.first,
    inputBlocks: blocks.input.gates.length,
    hiddenFirst: blocks.hidden.first,
    hiddenBlocks: blocks.hidden.gates.length,
    inputGates: packed(blocks.input.gates),
    hiddenGates: packed(blocks.hidden.gates),
    slice,
  }
}

/** The numbers of the gates of some blocks, 4 bits each. */
const packed = (gates: readonly number[]): number => gates.reduce((all, gate, block) => all | (gate << (4 * block)), 0)
