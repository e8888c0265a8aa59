import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DataError, FormatError, OptionError } from '../core/errors.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { decodeStateDict, encodeStateDict } from '../formats/state-dict.js'
import { GRU } from '../nn/gru.js'
import { Linear } from '../nn/linear.js'
import { RNNModel } from '../nn/model.js'
import { Module } from '../nn/module.js'
import { tensor } from '../tensor/create.js'
import { loadStateDict, saveStateDict } from './state-dict.js'

class Forecaster extends Module {
  readonly rnn = new GRU({ inputSize: 1, hiddenSize: 3 })
  readonly heads = { mean: new Linear({ inFeatures: 3, outFeatures: 1 }) }
  readonly scale = tensor([1], { requiresGrad: true })
}

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-state-dict-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('the state of any module', () => {
  test('is saved in a file, frozen parameters too, and loaded into another', async () => {
    const [model, other] = [new Forecaster(), new Forecaster()]
    model.rnn.requiresGrad_(false)
    await saveStateDict(at('new', 'model.safetensors'), model)
    await loadStateDict(at('new', 'model.safetensors'), other)
    expect(other.stateDict()).toEqual(model.stateDict())
    expect(other.rnn.weight_ih_l0.data).toEqual(model.rnn.weight_ih_l0.data)
    expect(await readdir(at('new'))).toEqual(['model.safetensors'])
  })

  test('is refused where parameters() lists nothing, as for layers in private fields, and an old file stays', async () => {
    class Hidden extends Module {
      readonly #layer = new Linear({ inFeatures: 1, outFeatures: 1 })
      forward(input: Parameters<Linear['forward']>[0]) {
        return this.#layer.forward(input)
      }
    }
    await saveStateDict(at('model'), new Forecaster())
    const before = await readFile(at('model'))
    await expect(saveStateDict(at('model'), new Hidden())).rejects.toThrow(
      'saveStateDict: the module has no parameters, expected at least one; layers in private fields (#name) are not found',
    )
    expect(await readFile(at('model'))).toEqual(before)
    await expect(encodeStateDict(new Hidden())).rejects.toThrow(OptionError)
    await expect(loadStateDict(at('model'), new Hidden())).rejects.toThrow(FormatError)
  })

  test('goes through bytes on every platform, and the file has the same', async () => {
    const [model, other] = [new Forecaster(), new Forecaster()]
    const bytes = await encodeStateDict(model)
    other.loadStateDict(decodeStateDict(bytes))
    expect(other.stateDict()).toEqual(model.stateDict())
    await saveStateDict(at('model'), model)
    expect(new Uint8Array(await readFile(at('model')))).toEqual(bytes)
  })

  test('has PyTorch’s names, and the format that its safetensors package asks for', async () => {
    const bytes = await encodeStateDict(new Forecaster())
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    const { __metadata__, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
    expect(__metadata__).toEqual({ format: 'pt' })
    const shapes = Object.entries(header).map(([name, entry]) => [name, (entry as { shape: number[] }).shape])
    expect(Object.fromEntries(shapes)).toEqual({
      scale: [1],
      'rnn.weight_ih_l0': [9, 1],
      'rnn.weight_hh_l0': [9, 3],
      'rnn.bias_ih_l0': [9],
      'rnn.bias_hh_l0': [9],
      'heads.mean.weight': [1, 3],
      'heads.mean.bias': [1],
    })
  })

  test('of tied weights has them once', async () => {
    const model = new RNNModel(new GRU({ inputSize: 3, hiddenSize: 3 }), 5, { embeddingSize: 3, tieWeights: true })
    const names = Object.keys(decodeStateDict(await encodeStateDict(model)))
    expect(names.filter((name) => !name.startsWith('rnn.'))).toEqual(['embedding.weight', 'linear.bias'])
  })
})

describe('refused, with nothing changed', () => {
  test('a value that is not finite, when it is saved and when it is loaded', async () => {
    const model = new Forecaster()
    await saveStateDict(at('model'), model)
    const good = await readFile(at('model'))
    const before = model.stateDict()
    model.scale.data[0] = Number.NaN
    await expect(saveStateDict(at('model'), model)).rejects.toThrow(DataError)
    await expect(saveStateDict(at('model'), model)).rejects.toThrow('saveStateDict: scale has values that are not')
    await expect(encodeStateDict(model)).rejects.toThrow('encodeStateDict: scale has values that are not finite')
    expect(await readFile(at('model'))).toEqual(good)

    const bytes = encodeSafetensors({ ...before, scale: tensor([Infinity]) })
    await writeFile(at('infinite'), bytes)
    await expect(loadStateDict(at('infinite'), model)).rejects.toThrow(FormatError)
    expect(() => decodeStateDict(bytes)).toThrow('decodeStateDict: scale has values that are not finite')
  })

  test('a file of another module, a damaged one, and none', async () => {
    const model = new Forecaster()
    const before = model.stateDict()
    await saveStateDict(at('linear'), new Linear({ inFeatures: 1, outFeatures: 1 }))
    await expect(loadStateDict(at('linear'), model)).rejects.toThrow(FormatError)
    await expect(loadStateDict(at('linear'), model)).rejects.toThrow(
      `${at('linear')}: Module.loadStateDict: scale is m`,
    )
    await writeFile(at('damaged'), (await encodeStateDict(model)).subarray(0, 300))
    await expect(loadStateDict(at('damaged'), model)).rejects.toThrow(FormatError)
    await expect(loadStateDict(at('none'), model)).rejects.toThrow(DataError)
    await mkdir(at('folder'))
    await expect(loadStateDict(at('folder'), model)).rejects.toThrow('not a regular file')
    await expect(saveStateDict(at('folder'), model)).rejects.toThrow(DataError)
    await expect(saveStateDict(at('linear', 'below'), model)).rejects.toThrow(DataError)
    expect(model.stateDict()).toEqual(before)
    expect((await readdir(folder)).sort()).toEqual(['damaged', 'folder', 'linear'])
  })

  test.each([
    ['torch_2.15_lstm.pt', 'a zip, such as torch.save writes'],
    ['refused_2.15_legacy.pt', 'of the format torch.save'],
    ['keras/gru.weights.h5', 'of the format .h5 of Keras'],
    ['keras/rnn_functional.keras', 'of the format .keras'],
    ['keras/tfjs_gru/model.json', 'of the format model.json of TensorFlow.js'],
    ['onnx/torch2.15_gru_dynamo.onnx', 'of the format ONNX'],
  ])('weights in another format are named, and what reads them: %s', async (name, what) => {
    const file = path.resolve('test/fixtures', name)
    const says = `: it is ${what}, expected safetensors; importTensors of unrolled/formats reads its weights`
    await expect(loadStateDict(file, new Forecaster())).rejects.toThrow(FormatError)
    await expect(loadStateDict(file, new Forecaster())).rejects.toThrow(`${file}${says}`)
    const bytes = new Uint8Array(await readFile(file))
    expect(() => decodeStateDict(bytes)).toThrow(`decodeStateDict${says}`)
  })

  test('values that are not modules, and values that are not bytes', async () => {
    const dict = new Forecaster().stateDict() as unknown as Module
    await expect(saveStateDict(at('model'), dict)).rejects.toThrow(OptionError)
    await expect(loadStateDict(at('model'), dict)).rejects.toThrow('loadStateDict: the module is not a Module')
    await expect(encodeStateDict(dict)).rejects.toThrow(OptionError)
    expect(() => decodeStateDict('text' as never)).toThrow(OptionError)
  })
})
