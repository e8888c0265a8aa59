import { fromData } from '../src/tensor/create.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { fixtureBytes, fixtureNames } from './fixture-files.js'

interface Entry {
  dtype: 'F32' | 'I64'
  shape: number[]
  data_offsets: [number, number]
}

/** The parts of a fixture's name, such as `layer_gru_i5_h8_b3_t4_l1_d1` or `curve_gru_v11_h16_b4_t7_l1`. */
export interface FixtureName {
  name: string
  kind: string
  sizes: Record<string, number>
}

/** All fixtures of one sort. */
export function fixturesOf(sort: 'layer' | 'lengths' | 'curve'): FixtureName[] {
  return fixtureNames
    .filter((name) => name.startsWith(sort))
    .map((name) => {
      const [, kind, rest] = /^[a-z]+_(rnn_tanh|rnn_relu|gru|lstm)_(.*)$/.exec(name)!
      return { name, kind, sizes: Object.fromEntries(rest.split('_').map((part) => [part[0], Number(part.slice(1))])) }
    })
}

/** The tensors of a fixture, read without the library's own reader. */
export function readFixture(name: string): Record<string, Tensor> {
  const file = fixtureBytes(name)
  const start = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const text = new TextDecoder().decode(file.subarray(8, start))
  const { __metadata__: _, ...header } = JSON.parse(text) as Record<string, Entry>
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
        const bytes = file.slice(start + from, start + to).buffer
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
    // Math.max passes NaN on, so that NaN cannot count as a small difference.
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]))
    largest = Math.max(largest, Math.abs(expected[i]))
  }
  return largest === 0 ? difference : difference / largest
}

/** The same for two tensors, wherever their values lie. */
export async function errorBetween(actual: Tensor, expected: Tensor): Promise<number> {
  return relativeError(await actual.values(), await expected.values())
}
