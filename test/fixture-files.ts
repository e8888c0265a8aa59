import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

// UNROLLED_FIXTURES names a folder of other fixtures, made by `python3 test/fixtures/make_fixtures.py DIR SEED big`.
const folder = process.env.UNROLLED_FIXTURES ?? fileURLToPath(new URL('./fixtures', import.meta.url))

/**
 * The names of the fixtures with PyTorch's values; test/browser/fixture-files.ts takes this file's place in a browser.
 */
export const fixtureNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.safetensors'))
  .map((file) => path.parse(file).name)

export const fixtureBytes = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(path.join(folder, `${name}.safetensors`)))
