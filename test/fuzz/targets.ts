import { readdirSync, readFileSync } from 'node:fs'
import { importTensors } from '../../src/formats/import.js'
import { decodeSafetensors } from '../../src/formats/safetensors.js'
import { sourceOf } from '../../src/formats/source.js'
import { importModel } from '../../src/formats.js'
import type { Target } from './fuzz.js'
import { safetensorsMutations, safetensorsSeeds } from './safetensors-files.js'
import { literalSafetensors } from './safetensors-oracle.js'

const torchFiles = ['rnn', 'tied', 'views', 'deflated'].map(
  (name) => new Uint8Array(readFileSync(`test/fixtures/torch_2.15_${name}.pt`)),
)

/** The files of a folder whose names a pattern fits. */
function filesOf(folder: string, pattern: RegExp): Uint8Array[] {
  const place = new URL(`${folder}/`, import.meta.url)
  const names = readdirSync(place).filter((name) => pattern.test(name))
  return names.sort().map((name) => new Uint8Array(readFileSync(new URL(name, place))))
}

/** The readers of files that strangers made. */
export const targets: readonly Target[] = [
  {
    name: 'safetensors',
    seeds: safetensorsSeeds,
    mutations: safetensorsMutations,
    read: (file) => {
      const { tensors, metadata } = decodeSafetensors(file)
      const plain = Object.entries(tensors).map(([name, { data, shape }]) => [
        name,
        { whole: data instanceof Int32Array, values: [...data], shape },
      ])
      return { tensors: Object.fromEntries(plain), metadata }
    },
    expected: literalSafetensors,
  },
  { name: 'torch.save', seeds: torchFiles, read: (file) => importTensors(file) },
  {
    name: 'onnx',
    // Two of them are no language models here.
    seeds: filesOf('../fixtures/onnx', /^(?!keras_gru|.*unrolled).*\.onnx$/),
    read: (file) => importModel({ name: 'model.onnx', source: sourceOf(file) }),
  },
]
