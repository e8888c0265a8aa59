import { describe, expect, test } from 'vitest'
import { findGpu } from '#platform'
import { Generator } from '../../core/random.js'
import { type CellKind, cells, hasC, isMinimal, type LayerKind } from '../../device/cells.js'
import type { RecurrentWeights, Stack } from '../../device/device.js'
import { referenceKernels } from '../index.js'
import { type WebGpuDevice, webGpuDevice } from './webgpu.js'

// Models token by token on the WebGPU device beside the reference kernels in double precision.
const exact = referenceKernels('float64')
const found = await webGpuDevice(findGpu, true).catch((error: Error) => console.log(`no GPU: ${error.message}`))
const device = found as WebGpuDevice

const generator = new Generator(9)
const random = (length: number) => Float32Array.from({ length }, () => generator.normal() / 4)
const [vocab, hiddenSize] = [7, 13]

/** The same stack of two layers for the device and for the reference. */
function stacks(cell: CellKind, { bias = true, norm = false } = {}) {
  const rows = cells[cell].gates.length * hiddenSize
  const layers = [vocab, hiddenSize].map((inputSize) => {
    const weights: RecurrentWeights = { weightIh: random(rows * inputSize), weightHh: random(rows * hiddenSize) }
    if (bias) Object.assign(weights, { biasIh: random(rows), biasHh: random(rows) })
    if (norm) Object.assign(weights, { gainIh: random(rows), gainHh: random(rows) })
    if (norm && hasC(cell)) Object.assign(weights, { gainC: random(hiddenSize), biasC: random(hiddenSize) })
    return { cell, inputSize, hiddenSize, weights }
  })
  const head = { weight: random(vocab * hiddenSize), ...(bias && { bias: random(vocab) }) }
  const theirs: Stack = { layers, ...head, outFeatures: vocab }
  const there = <T extends object>(arrays: T) =>
    Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, device.from(values)])) as never
  const ours = {
    ...theirs,
    ...(there(head) as object),
    layers: layers.map((layer) => ({ ...layer, weights: there(layer.weights) })),
  }
  return { theirs, ours: ours as never }
}

const tokens = (...list: number[]) => Int32Array.from(list)

async function compare(cell: CellKind, options = {}): Promise<void> {
  const { theirs, ours } = stacks(cell, options)
  const [expected, got] = [exact.stepper(theirs, 3), device.stepper(ours, 3)]
  const step = async (list: Int32Array, count?: number) => {
    const [ours, theirs] = [await got.step(list, count), await expected.step(list, count)]
    expect(ours.length).toBe(theirs.length)
    for (let i = 0; i < ours.length; i++) expect(ours[i]).toBeCloseTo(theirs[i], 5)
  }
  await step(tokens(0, 1, 6))
  await step(tokens(3, 3, 2))
  // Only some of the sequences advance; then states are copied, kept, set and forgotten.
  await step(tokens(5, 4), 2)
  await step(tokens(1, 2, 3))
  for (const stepper of [got, expected]) stepper.select(tokens(2, 0, 0))
  await step(tokens(1, 1, 2))
  for (const stepper of [got, expected]) {
    const state = stepper.stateOf(1)
    stepper.setState(2, state)
    stepper.setState(0, undefined)
  }
  await step(tokens(4, 4, 4))
  for (const stepper of [got, expected]) stepper.free()
}

describe.skipIf(!found)(`a stepper on ${found?.name}`, () => {
  for (const cell of Object.keys(cells) as LayerKind[]) {
    if (isMinimal(cell)) continue
    test(`of two layers, ${cell}, gives the reference's scores`, async () => {
      await compare(cell)
      await compare(cell, { norm: true })
      if (cell === 'gru') await compare(cell, { bias: false })
    })
  }

  test('of layers whose states do not fit into the memory of a workgroup does, too', async () => {
    const gpu = device.gpu as { limits: Partial<GPUSupportedLimits> }
    const { limits } = gpu
    gpu.limits = { maxComputeWorkgroupStorageSize: 64 }
    try {
      for (const norm of [false, true]) await compare('lstm', { norm })
    } finally {
      gpu.limits = limits
    }
  })

  test('keeps the weights as they were, takes one dispatch for each layer and one for the scores, and reads no more', async () => {
    const { ours } = stacks('lstm')
    const stepper = device.stepper(ours, 2)
    const first = await stepper.step(tokens(1, 2))
    stepper.setState(0, undefined)
    stepper.setState(1, undefined)
    device.write(new Float32Array(vocab * hiddenSize), (ours as { weight: never }).weight)
    const before = device.gpu.counts
    expect(await stepper.step(tokens(1, 2))).toEqual(first)
    const after = device.gpu.counts
    expect(after.dispatches - before.dispatches).toBe(3)
    expect(after.bytesRead - before.bytesRead).toBe(4 * 2 * vocab)
    stepper.free()
  })
})
