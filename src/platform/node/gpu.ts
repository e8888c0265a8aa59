import type { FindGpu } from '../platform.js'

/** WebGPU lives as long as this object: Dawn must not be collected while devices of it are in use. */
let entry: GPU | undefined

/** The runtime's own WebGPU, as Deno has it, or that of the optional package `webgpu`, which is Dawn. */
export const findGpu: FindGpu = async () => {
  entry ??= (globalThis.navigator as Navigator | undefined)?.gpu ?? (await ofPackage())
  return entry
}

async function ofPackage(): Promise<GPU> {
  let dawn: typeof import('webgpu')
  try {
    dawn = await import('webgpu')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    throw new Error(
      missing
        ? 'the package webgpu is not installed: npm install webgpu'
        : `the package webgpu cannot be loaded: ${(error as Error).message}`,
    )
  }
  return dawn.create([])
}
