import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

// Other fixtures, made by `python3 test/fixtures/make_fixtures.py DIR SEED big`, are read from here instead.
const folder = process.env.UNROLLED_FIXTURES ?? fileURLToPath(new URL('./fixtures', import.meta.url))

/** The fixtures of PyTorch's values, which test/browser/fixture-files.ts has in a browser. */
export const fixtureNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.safetensors'))
  .map((file) => path.parse(file).name)

export const fixtureBytes = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(path.join(folder, `${name}.safetensors`)))
