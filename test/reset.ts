import { afterAll, vi } from 'vitest'
import { manualSeed } from '../src/core/random.js'
import { setDefaultDevice } from '../src/kernels/devices.js'
import { selectKernels } from '../src/kernels/index.js'

// Files of tests that share one process leave nothing to the next that it could not expect.
afterAll(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  setDefaultDevice()
  selectKernels('auto')
  manualSeed(0)
})
