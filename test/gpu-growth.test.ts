import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { findGpu } from '#platform'
import { growthOn, type Held } from '../bench/gpu-growth.js'
import { acquire } from '../src/kernels/webgpu/adapter.js'

// The beginning of what `npm run bench:growth -- --device webgpu` measures. It needs the dist/ that `npm test` builds.

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a training on a GPU uses the buffers of the steps before again, and compiles nothing after the first steps', async () => {
  const rows: Held[] = []
  for await (const held of growthOn(await acquire(await findGpu(), true), 16, 5)) {
    rows.push(held)
    // Afterwards the finalizers of the storages get their turn.
    collectGarbage()
    await setTimeout(10)
  }
  console.log(`buffers made after 16 to 80 steps: ${rows.map(({ buffers }) => buffers).join(', ')}`)
  const [second, last] = [rows[1], rows[4]]
  expect(last.pipelines).toBe(second.pipelines)
  // Those that only the collector finds are some five a step: without it there would be 240 more.
  expect(last.buffers).toBeLessThan(second.buffers + 50)
  expect(last.bytes).toBeLessThan(1.5 * second.bytes)
})
