import { UnrolledError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { version } from '../core/version.js'
import type { Device, Kernels } from '../device/device.js'
import type { ModelSizes } from '../formats/model-config.js'
import { modelOf } from '../formats/model-of.js'
import { clipGradNorm } from '../optim/clip.js'
import { SGD } from '../optim/sgd.js'
import { fromData } from '../tensor/create.js'
import { crossEntropy } from '../tensor/losses.js'
import type { MachineNotes } from './store.js'

/** Steps in which kernels and shaders are compiled, and steps that are timed. */
const [WARM_UP, TIMED] = [2, 3]

/** Milliseconds of a training step on each device, in their order; Infinity where it cannot be done. */
type Times = readonly number[]

/** The text about the machine that has the times, as a list of keys with the times of each, and how many it keeps. */
const [NAME, MOST] = ['devices.json', 200]

/** What a store does not keep, this process does. */
const inProcess = new Map<string, string>()
const processNotes: MachineNotes = {
  async read(name) {
    return inProcess.get(name) ?? '[]'
  },
  async write(name, text) {
    inProcess.set(name, text)
  },
}

/**
 * The device on which a training step takes the least time. A few steps of a model of these sizes are timed on each, once on
 * a machine for the same sizes, devices and version of the library. Times that cannot be read or kept are measured again.
 * @param sizes of the model, and of a batch: batchSize sequences of numSteps tokens
 * @param notes where the times are kept
 * @returns the device with the milliseconds of a step on all of them, in their order, and whether they were known
 */
export async function fasterDevice(
  devices: readonly Device[],
  sizes: ModelSizes,
  batchSize: number,
  numSteps: number,
  notes: MachineNotes = processNotes,
): Promise<{ device: Device; times: Times; known: boolean }> {
  const named = devices.map((device) => [device.name, (device as Partial<Kernels>).threads])
  const key = JSON.stringify([version, named, sizes, batchSize, numSteps])
  const before = (await timesIn(notes)).get(key)
  const times = before ?? (await timesOn(devices, sizes, batchSize, numSteps))
  if (!before && times.every(Number.isFinite)) await keep(notes, key, times)
  return { device: devices[times.indexOf(Math.min(...times))], times, known: before !== undefined }
}

/** The times that were kept; none if the text is missing or damaged. */
async function timesIn(notes: MachineNotes): Promise<Map<string, Times>> {
  const list: unknown = await notes
    .read(NAME)
    .then(JSON.parse)
    .catch(() => undefined)
  const entries: unknown[] = Array.isArray(list) ? list : []
  return new Map(entries.filter(isEntry))
}

const isEntry = (entry: unknown): entry is [string, Times] => {
  const [key, times] = Array.isArray(entry) ? entry : []
  return typeof key === 'string' && Array.isArray(times) && times.every((time) => Number.isFinite(time) && time > 0)
}

/** Keeps times as the newest ones. */
async function keep(notes: MachineNotes, key: string, times: Times): Promise<void> {
  const all = [...(await timesIn(notes)), [key, times]]
  await notes.write(NAME, JSON.stringify(all.slice(-MOST))).catch(() => undefined)
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
