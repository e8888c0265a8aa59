import { expect, test } from 'vitest'
import { DataError, FormatError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { Vocab } from '../data/vocab.js'
import { LSTM } from '../nn/lstm.js'
import type { RNNModel } from '../nn/model.js'
import { exportModel } from './export.js'
import { type ExportFormat, exportFormats } from './export-formats.js'
import { parseConfig } from './model-config.js'
import { configOf, modelOf } from './model-of.js'

const vocab = Vocab.count('the time traveller')
const sizes = { vocabSize: vocab.size, hiddenSize: 4, numLayers: 1, bias: true, bidirectional: false, dropout: 0 }

test.each(Object.keys(exportFormats) as ExportFormat[])('no %s has a MinGRU or a MinLSTM', async (format) => {
  for (const cell of ['mingru', 'minlstm'] as const) {
    const exported = exportModel(modelOf({ ...sizes, cell }, new Generator(1)), vocab, format)
    await expect(exported).rejects.toThrow(DataError)
    await expect(exported).rejects.toThrow(`exportModel: the cell is ${cell}, which PyTorch, Keras`)
    await expect(exported).rejects.toThrow('keep it as a saved model (saveModel, encodeModel, zipModel')
  }
})

test('only language models are exported, and what came in place of one is named', async () => {
  const lstm = new LSTM({ inputSize: 3, hiddenSize: 5 }) as unknown as RNNModel
  await expect(exportModel(lstm, vocab, 'onnx')).rejects.toThrow('exportModel: model is an LSTM, expected an RNNModel')
})

test('a configuration with options that a minimal cell lacks is refused', () => {
  const config = configOf(modelOf({ ...sizes, cell: 'mingru' }, new Generator(1)))
  expect(parseConfig(JSON.stringify(config), 'config.json').cell).toBe('mingru')
  for (const option of [{ layerNorm: true }, { weightDropout: 0.5 }]) {
    expect(() => parseConfig(JSON.stringify({ ...config, ...option }), 'config.json')).toThrow(FormatError)
  }
})
