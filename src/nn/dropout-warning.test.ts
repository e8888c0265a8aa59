import { expect, test, vi } from 'vitest'
import { GRU } from './gru.js'
import { LSTM } from './lstm.js'

test('dropout with a single layer warns once that it has no effect', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  new GRU({ inputSize: 2, hiddenSize: 2, numLayers: 2, dropout: 0.5 })
  new GRU({ inputSize: 2, hiddenSize: 2, dropout: 0 })
  expect(warn).not.toHaveBeenCalled()
  new LSTM({ inputSize: 2, hiddenSize: 2, dropout: 0.5 })
  new GRU({ inputSize: 2, hiddenSize: 2, dropout: 0.5 })
  expect(warn).toHaveBeenCalledTimes(1)
  expect(warn).toHaveBeenCalledWith(expect.stringMatching(/^LSTM: dropout has no effect with one layer/))
  warn.mockRestore()
})
