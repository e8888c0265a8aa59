import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findGpu } from '#platform'
import { webGpuDevice } from '../kernels/webgpu/webgpu.js'
import { runTraining } from './run-training.js'
import { type TrainingOptions, trainingDefaults } from './training-flags.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-lost-'))
beforeAll(() => vi.spyOn(console, 'log').mockImplementation(() => {}))
afterAll(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

const text = path.join(folder, 'text.txt')
writeFileSync(text, 'a text that is long enough for a few steps. '.repeat(8))

/** The epochs in the history of a run. */
const epochsIn = (out: string): number[] =>
  readFileSync(path.join(out, 'history.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'epoch')
    .map(({ epoch }) => epoch)

async function loseDevice(): Promise<void> {
  const device = await webGpuDevice(findGpu, true)
  device.gpu.destroy()
}

test('a training whose GPU is lost goes on from its last checkpoint on a GPU, then on the CPU, and loses no epoch', async () => {
  const out = path.join(folder, 'model')
  const shown = vi.spyOn(console, 'error').mockImplementation(() => {})
  const sizes = { hiddenSize: 8, batchSize: 4, numSteps: 10, epochs: 6, checkpointSteps: 5 }
  const options = { ...trainingDefaults(), ...sizes, device: 'webgpu', out } as TrainingOptions
  const training = runTraining([text], options, [...Object.keys(sizes), 'device', 'out'])
  const epochs = () => epochsIn(out)
  for (const after of [1, 3]) {
    await vi.waitFor(() => expect(epochs().length).toBeGreaterThanOrEqual(after), { timeout: 1_000_000 })
    await loseDevice()
  }
  await training
  expect(shown.mock.calls.flat().filter((line) => /^warning: the GPU .* was lost/.test(line))).toHaveLength(2)
  expect(epochs()).toEqual(Array.from({ length: 6 }, (_, i) => i + 1))
  const { training: record } = JSON.parse(readFileSync(path.join(out, 'config.json'), 'utf8'))
  expect(record.finishedEpochs).toBe(6)
  expect(record.kernels).not.toMatch(/webgpu/)
})

test('options that changed when a training was resumed stay in force if the GPU is lost before the next checkpoint', async () => {
  const out = path.join(folder, 'resumed')
  const shown = vi.spyOn(console, 'error').mockImplementation(() => {})
  shown.mockClear()
  const sizes = { hiddenSize: 8, batchSize: 4, numSteps: 10, epochs: 1 }
  const first = { ...trainingDefaults(), ...sizes, out } as TrainingOptions
  await runTraining([text], first, [...Object.keys(sizes), 'out'])
  const more = { ...trainingDefaults(), resume: out, epochs: 5, lr: 0.25, device: 'webgpu' } as TrainingOptions
  const training = runTraining([], more, ['resume', 'epochs', 'lr', 'device'])
  await vi.waitFor(() => expect(epochsIn(out).length).toBeGreaterThan(1), { timeout: 1_000_000 })
  await loseDevice()
  await training
  expect(shown.mock.calls.flat().filter((line) => / was lost/.test(line))).toHaveLength(1)
  const { training: record } = JSON.parse(readFileSync(path.join(out, 'config.json'), 'utf8'))
  expect(record).toMatchObject({ finishedEpochs: 5, epochs: 5, lr: 0.25 })
})
