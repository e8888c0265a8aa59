import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { mutated } from '../../test/fuzz/fuzz.js'
import { targets } from '../../test/fuzz/targets.js'
import { pythonWith } from '../../test/python.js'
import { GRU } from '../nn/gru.js'
import { RNNModel } from '../nn/model.js'
import { decodeSafetensors, encodeSafetensors, openSafetensors } from './safetensors.js'
import { encodeStateDict } from './state-dict.js'

// The format's own package judges the files. UNROLLED_PYTHON names a Python that has it.
const python = pythonWith('safetensors', 'numpy')
const skipped = '(skipped where no Python has the packages safetensors and numpy)'

/** What a program in Python prints as JSON. It gets files at its standard input, each after its length of 4 bytes. */
function ask<T>(files: readonly Uint8Array[], body: string): T {
  const lengths = files.map(({ length }) => Buffer.from(Uint32Array.of(length).buffer))
  const input = Buffer.concat(files.flatMap((file, i) => [lengths[i], file]))
  const program = `
import json, struct, sys
import numpy, safetensors
from safetensors.numpy import load
data, files, at = sys.stdin.buffer.read(), [], 0
while at < len(data):
    (length,) = struct.unpack_from('<I', data, at)
    files.append(data[at + 4 : at + 4 + length])
    at += 4 + length
${body}`
  const { status, stdout, stderr } = spawnSync(python!, ['-c', program], { input, maxBuffer: 2 ** 28 })
  expect(status, String(stderr)).toBe(0)
  return JSON.parse(String(stdout))
}

test.skipIf(!python)(`the Python package loads what is written, with the same values ${skipped}`, async () => {
  const tensors = {
    '': { data: Float32Array.of(0.1, -0, Infinity, 1e-45), shape: [2, 2] },
    'größe 中 😀 "\\\n': { data: Float64Array.of(0.1), shape: [] },
    empty: { data: new Float32Array(0), shape: [0, 3] },
    whole: { data: Int32Array.of(-(2 ** 31), 7), shape: [1, 2] },
  }
  const model = new RNNModel(new GRU({ inputSize: 5, hiddenSize: 3 }), 5)
  const files = [encodeSafetensors(tensors, { 'é"': '中\n' }), await encodeStateDict(model), encodeSafetensors({})]
  const read = ask<[string, string, number[], number[]][][]>(
    files,
    `print(json.dumps([[[name, str(array.dtype), array.shape, numpy.frombuffer(array.tobytes(), numpy.uint8).tolist()]
      for name, array in load(file).items()] for file in files]))`,
  )
  const expected = [tensors, model.stateDict(), {}].map((file) =>
    Object.entries(file).map(([name, { data, shape }]) => [
      name,
      data[Symbol.toStringTag].slice(0, -5).toLowerCase(),
      shape,
      [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
    ]),
  )
  expect(read.map((file) => file.sort())).toEqual(expected.map((file) => file.sort()))
})

/** Why a file is refused although the Python package reads it. */
const stricter = [
  // The specification says so: https://github.com/huggingface/safetensors#format, and its schema.
  / twice, expected it once$/,
  /does not begin with \{/,
  / has a field /,
  // The package takes null for no metadata.
  /^safetensors: __metadata__: 'null/,
  // Limits of this library.
  /the shape of .* has more than 64 items$/,
  /expected fewer than 2\^53 values$/,
  /expected one that tensors can have/,
  / holds \S+, expected /,
]

test.skipIf(!python)(
  `of mutated files, the Python package reads all that are read, and others only for known reasons ${skipped}`,
  async () => {
    const files = Array.from({ length: 3000 }, (_, seed) => mutated(targets[0], seed))
    const judged = ask<(Record<string, [string, number[]]> | null)[]>(
      files,
      `
def read(file):
    try:
        return {name: [entry['dtype'], entry['shape']] for name, entry in safetensors.deserialize(file)}
    except safetensors.SafetensorError:
        return None
print(json.dumps([read(file) for file in files]))`,
    )
    for (const [i, file] of files.entries()) {
      const problem = problemOf(file)
      if (judged[i] === null) expect(problem, `seed ${i} is read`).toBeDefined()
      else if (problem !== undefined)
        expect(
          stricter.filter((reason) => reason.test(problem)),
          problem,
        ).toHaveLength(1)
      else {
        const { tensors } = await openSafetensors(file)
        const found = [...tensors].map(([name, { dtype, shape }]) => [name, [dtype, shape]])
        expect(Object.fromEntries(found), `seed ${i}`).toEqual(judged[i])
      }
    }
    expect(judged.filter((file) => file !== null).length).toBeGreaterThan(200)
  },
)

function problemOf(file: Uint8Array): string | undefined {
  try {
    decodeSafetensors(file)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
