import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** SwiftShader, which Debian's Chromium brings along: an adapter of WebGPU that computes on the CPU. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether tests run on the WebGPU device instead of the CPU. */
    webgpu: boolean
  }
}

/** The adapter that the tests of WebGPU run on, with the environment that leads to it, or why there is none. */
export type TestAdapter = { name: string; env: Record<string, string> } | { name: undefined; reason: string }

/**
 * Looks for an adapter in a process of its own, because a driver that fails may end its process.
 * @param software whether SwiftShader is preferred to the drivers of the machine, on which tests should not depend
 */
export function findAdapter(software = true): TestAdapter {
  const chosen = process.env.VK_ICD_FILENAMES ?? (software && existsSync(swiftShader) ? swiftShader : undefined)
  const env: Record<string, string> = chosen ? { VK_ICD_FILENAMES: chosen } : {}
  const script = `const { create } = await import('webgpu')
const gpu = create([])
const adapter = await gpu.requestAdapter()
console.log(adapter?.info.description ?? '')`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  const name = stdout.trim()
  if (status === 0 && name) return { name, env }
  const words = stderr.split('\n').find((line) => /error|warning|failed/i.test(line))
  return {
    name: undefined,
    reason: words ?? 'WebGPU has no adapter here; apt-get install libvulkan1 chromium brings one',
  }
}
