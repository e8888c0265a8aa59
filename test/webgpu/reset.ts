import { afterAll } from 'vitest'
import { setDefaultDevice } from '../../src/kernels/devices.js'

// The files of tests on WebGPU share one process: none leaves its default device to the next.
afterAll(() => setDefaultDevice())
