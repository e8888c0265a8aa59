import { readFileSync } from 'node:fs'
import { fromData } from '../src/tensor/create.js'
import type { Tensor } from '../src/tensor/tensor.js'

interface Entry {
  dtype: 'F32' | 'I64'
  shape: number[]
  data_offsets: [number, number]
}

/** The tensors of test/fixtures/<name>.safetensors, read without the library's own reader. */
export function readFixture(name: string): Record<string, Tensor> {
  const file = readFileSync(new URL(`./fixtures/${name}.safetensors`, import.meta.url))
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
