import { readFileSync } from 'node:fs'
import path from 'node:path'
import { zipSync } from 'fflate'
import h5wasm from 'h5wasm'
import { expect, test } from 'vitest'
import { formatError } from '../../../test/format-error.js'
import { FormatError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { importModel } from '../import.js'

const fixture = (name: string) => new Uint8Array(readFileSync(path.resolve('test/fixtures/keras', name)))
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

test.each<[string, () => Uint8Array, string]>([
  ['JSON that was cut off', () => new TextEncoder().encode('{ "format": "layers-'), 'it is not JSON, or was cut off'],
  ['other JSON', () => json({ a: 1 }), 'there is no modelTopology'],
  ['a .h5 that was cut off', () => fixture('gru_softmax.h5').subarray(0, 9000), 'it is not HDF5, or damaged ('],
  ['the beginning of a .h5', () => fixture('gru_softmax.h5').subarray(0, 8), 'it is not HDF5, or damaged ('],
  ['a .keras without weights', () => zipSync({ 'config.json': json({}) }), 'model.weights.h5 is missing in it'],
  [
    'a .keras without its configuration',
    () => zipSync({ 'model.weights.h5': fixture('gru.weights.h5') }),
    'config.json is missing',
  ],
  [
    'a .keras of other weights',
    () => zipSync({ 'config.json': json({}), 'model.weights.h5': json('no') }),
    'it is not HDF5',
  ],
  ['a .keras that was cut off', () => fixture('lstm_embedding.keras').subarray(0, 9000), 'the zip is damaged'],
])('%s', async (_name, file, message) => {
  expect(await formatError(importModel(file()))).toContain(message)
})

test('HDF5 with any bytes changed is read or refused in a sentence', async () => {
  const random = new Generator(5)
  let refused = 0
  for (let i = 0; i < 120; i++) {
    const bytes = fixture(i % 2 === 0 ? 'gru_softmax.h5' : 'gru.weights.h5')
    const changes = 1 + (i % 40)
    for (let n = 0; n < changes; n++) {
      bytes[Math.floor(random.uniform() * bytes.length)] = Math.floor(random.uniform() * 256)
    }
    await importModel(bytes).catch((error: unknown) => {
      refused++
      expect(error).toBeInstanceOf(FormatError)
      expect((error as Error).message).not.toContain('\n')
    })
  }
  expect(refused).toBeGreaterThan(40)
  await importModel(fixture('gru_softmax.h5'))
})

test('groups in a circle, shapes that the file cannot hold, and other types', async () => {
  const { FS } = await h5wasm.ready
  const made = (fill: (file: InstanceType<typeof h5wasm.File>) => void): Uint8Array => {
    const file = new h5wasm.File('/made.h5', 'w')
    fill(file)
    file.close()
    return FS.readFile('/made.h5')
  }
  const circle = made((file) => {
    const group = file.create_group('layers')
    for (const name of ['a', 'b', 'c']) group.create_hard_link('/', name)
  })
  expect(await formatError(importModel(circle))).toContain('its groups have no end')
  const huge = made((file) => {
    const data = new Float32Array(4)
    file
      .create_dataset({ name: 'kernel', data, shape: [2, 2], maxshape: [null, null], chunks: [2, 2] })
      .resize([2 ** 20, 2 ** 20])
  })
  expect(await formatError(importModel(huge))).toContain(
    'kernel claims the shape [1048576, 1048576], expected no more values',
  )
  const other = made((file) => {
    file.create_dataset({ name: 'kernel', data: ['a', 'b'] })
  })
  expect(await formatError(importModel(other))).toMatch(/kernel is of the type S\d*, expected floats/)
})
