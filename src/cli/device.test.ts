import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findGpu } from '#platform'
import { run } from '../../test/run-command.js'
import { webGpuDevice } from '../kernels/webgpu/webgpu.js'

// Commands that use a saved model do the same on the WebGPU device.

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-device-'))
const at = (name: string) => path.join(folder, name)
const done = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(args)
  expect(code, stderr).toBe(0)
  return stdout
}

beforeAll(async () => {
  writeFileSync(at('sea.txt'), 'she sells sea shells by the sea shore. '.repeat(6))
  const sizes = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '8', '--epochs', '4', '--lr', '4']
  await done('train', at('sea.txt'), ...sizes, '--validation', '0.2', '--out', at('sea'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('info --devices tells the adapter, and why auto takes the CPU where the adapter computes there', async () => {
  const { gpu } = await webGpuDevice(findGpu, true)
  const shown = await done('info', '--devices')
  expect(shown).toContain(`webgpu  webgpu (${gpu.name})`)
  const { webgpu, auto, reason } = JSON.parse(await done('info', '--devices', '--json'))
  expect(webgpu).toBe(`webgpu (${gpu.name})`)
  if (!gpu.software) return expect(auto).toBe(webgpu)
  expect(auto).not.toMatch(/webgpu/)
  expect(reason).toMatch(/^no GPU: the only adapter of WebGPU, .* computes on the CPU/)
  expect(shown).toContain(reason)
})

test.each([
  ['eval', ['--split', 'validation'], 'loss'],
  ['calibrate', ['--out', at('calm')], 'temperature'],
])('%s --device webgpu computes there what it computes on the CPU', async (command, args, figure) => {
  const { gpu } = await webGpuDevice(findGpu, true)
  const on = async (device: string): Promise<number> =>
    JSON.parse(await done(command, at('sea'), ...args, '--device', device, '--json'))[figure]
  const here = await on('cpu')
  const { dispatches } = gpu.counts
  expect(Math.abs((await on('webgpu')) / here - 1)).toBeLessThan(1e-4)
  expect(gpu.counts.dispatches).toBeGreaterThan(dispatches)
})
