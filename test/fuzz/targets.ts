import { readFileSync } from 'node:fs'
import { importTensors } from '../../src/formats/import.js'
import { decodeSafetensors } from '../../src/formats/safetensors.js'
import type { Target } from './fuzz.js'
import { safetensorsMutations, safetensorsSeeds } from './safetensors-files.js'
import { literalSafetensors } from './safetensors-oracle.js'

const torchFiles = ['rnn', 'tied', 'views', 'deflated'].map(
  (name) => new Uint8Array(readFileSync(`test/fixtures/torch_2.15_${name}.pt`)),
)

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
]
