import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Gives the tests a cache folder of their own, so that no test depends on the user's or adds to it. */
export default function setup(): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-cache-'))
  process.env.UNROLLED_CACHE = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
