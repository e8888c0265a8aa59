import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import type { Plugin } from 'vite'

/** The programs of the page. package.json leaves them out of the package, which has them compressed. */
const PROGRAM = /^assets\/[^/]+\.js$/

/** Adds compressed copies of all programs, which the command's server prefers. */
export const compressed = (): Plugin => ({
  name: 'compressed',
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle).filter((name) => PROGRAM.test(name))) {
      const bytes = readFileSync(path.join(dir!, name))
      // The highest quality would take ten times as long, for a tenth less.
      const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 }
      writeFileSync(path.join(dir!, `${name}.br`), brotliCompressSync(bytes, { params }))
    }
  },
})
