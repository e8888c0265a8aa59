import { afterEach, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { OptionError } from '../core/errors.js'
import { blasKernels, kernels, selectKernels } from './index.js'

afterEach(() => {
  vi.restoreAllMocks()
  selectKernels('auto')
})

test('kernels are chosen by name; auto takes the system’s BLAS where there is one', () => {
  selectKernels('wasm')
  expect(kernels().name).toMatch(/^wasm-/)
  selectKernels('reference')
  expect(kernels().name).toBe('reference')
  selectKernels('auto')
  expect(kernels().name).toMatch(blasKernels() ? /^blas-/ : /^wasm-/)
  expect(() => selectKernels('cuda' as 'wasm')).toThrow(OptionError)
})

test('where the platform has no BLAS, as in a browser, auto does without', () => {
  vi.spyOn(platform, 'findBlas').mockReturnValue(undefined)
  expect(blasKernels()).toBeUndefined()
  selectKernels('auto')
  expect(kernels().name).toMatch(/^wasm-/)
  expect(() => selectKernels('blas')).toThrow('no BLAS was found')
})
