import { UnrolledError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import type { Device } from '../device/device.js'
import type { ModelSizes } from '../formats/model-config.js'
import { modelOf } from '../formats/model-of.js'
import { clipGradNorm } from '../optim/clip.js'
import { SGD } from '../optim/sgd.js'
import { fromData } from '../tensor/create.js'
import { crossEntropy } from '../tensor/functions.js'

/** Steps in which kernels and shaders are compiled, and steps that are timed. */
const [WARM_UP, TIMED] = [2, 3]

/** Milliseconds of a training step on each device, in their order; Infinity where it cannot be done. */
type Times = readonly number[]

/** What was measured in this process, by the sizes. */
const measured = new Map<string, Promise<Times>>()

/**
 * The device on which a training step takes the least time. A few steps of a model of these sizes are timed on each, once in
 * a process for the same sizes and devices.
 * @param sizes of the model, and of a batch: batchSize sequences of numSteps tokens
 * @returns the device with the milliseconds of a step on all of them, in their order
 */
export async function fasterDevice(
  devices: readonly Device[],
  sizes: ModelSizes,
  batchSize: number,
  numSteps: number,
): Promise<{ device: Device; times: Times }> {
  const key = JSON.stringify([devices.map(({ name }) => name), sizes, batchSize, numSteps])
  const known = measured.get(key) ?? timesOn(devices, sizes, batchSize, numSteps)
  measured.set(key, known)
  const times = await known
  return { device: devices[times.indexOf(Math.min(...times))], times }
}

async function timesOn(devices: readonly Device[], sizes: ModelSizes, batchSize: number, numSteps: number) {
  const times: number[] = []
  for (const device of devices) {
    try {
      times.push(await stepTime(device, sizes, batchSize, numSteps))
    } catch (error) {
      // A device without room for such a model is no choice.
      if (!(error instanceof UnrolledError)) throw error
      times.push(Infinity)
    }
  }
  return times
}

/** Milliseconds of a training step on a device. */
async function stepTime(device: Device, sizes: ModelSizes, batchSize: number, numSteps: number): Promise<number> {
  const generator = new Generator(1)
  const model = modelOf(sizes, generator).to(device)
  const parameters = model.parameters()
  const optimizer = new SGD(parameters, { lr: 0.1 })
  const tokens = (shape: number[]) => {
    const values = Int32Array.from({ length: batchSize * numSteps }, () => generator.integer(sizes.vocabSize))
    return fromData(values, shape)
  }
  const [x, y] = [tokens([batchSize, numSteps]), tokens([batchSize * numSteps])]
  const steps = async (count: number) => {
    const start = performance.now()
    for (let step = 0; step < count; step++) {
      const loss = crossEntropy(model.forward(x).output, y)
      optimizer.zeroGrad()
      loss.backward()
      clipGradNorm(parameters, 1)
      optimizer.step()
      if (step === count - 1) await loss.item()
    }
    return (performance.now() - start) / count
  }
  await steps(WARM_UP)
  return steps(TIMED)
}
