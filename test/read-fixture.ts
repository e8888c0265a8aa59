import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromData } from '../src/tensor/create.js'
import type { Tensor } from '../src/tensor/tensor.js'

interface Entry {
  dtype: 'F32' | 'I64'
  shape: number[]
  data_offsets: [number, number]
}

// Other fixtures, made by `python3 test/fixtures/make_fixtures.py DIR SEED big`, are read from here instead.
const folder = process.env.UNROLLED_FIXTURES ?? fileURLToPath(new URL('./fixtures', import.meta.url))

/** What a fixture's name says: `layer_gru_i5_h8_b3_t4_l1_d1` or `curve_gru_v11_h16_b4_t7_l1`. */
export interface FixtureName {
  name: string
  kind: string
  sizes: Record<string, number>
}

/** All fixtures of one sort. */
export function fixturesOf(sort: 'layer' | 'curve'): FixtureName[] {
  const names = readdirSync(folder).flatMap((file) => (file.startsWith(sort) ? [path.parse(file).name] : []))
  return names.map((name) => {
    const [, kind, rest] = /^[a-z]+_(rnn_tanh|rnn_relu|gru|lstm)_(.*)$/.exec(name)!
    return { name, kind, sizes: Object.fromEntries(rest.split('_').map((part) => [part[0], Number(part.slice(1))])) }
  })
}

/** The tensors of a fixture, read without the library's own reader. */
export function readFixture(name: string): Record<string, Tensor> {
  const file = readFileSync(path.join(folder, `${name}.safetensors`))
  const start = 8 + Number(file.readBigUInt64LE(0))
  const { __metadata__: _, ...header } = JSON.parse(file.toString('utf8', 8, start)) as Record<string, Entry>
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        key,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const bytes = new Uint8Array(file.subarray(start + from, start + to)).buffer
        const data =
          dtype === 'F32'
            ? new Float32Array(bytes)
            : Int32Array.from(new BigInt64Array(bytes), (value) => Number(value))
        return [key, fromData(data, shape)]
      },
    ),
  )
}

/** The largest difference between two tensors, relative to the largest value of the expected one. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity
  let [difference, largest] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    // Math.max hands NaN on, so that a NaN cannot pass for a small difference.
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]))
    largest = Math.max(largest, Math.abs(expected[i]))
  }
  return largest === 0 ? difference : difference / largest
}
