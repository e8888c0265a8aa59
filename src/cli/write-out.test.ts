import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DataError } from '../config.js'
import { writeOut, writePicture } from './write-out.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-out-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a result that the system refuses is named, with what to do, and nothing is left of it', async () => {
  const file = path.join(folder, 'result.svg')
  // A folder stands for all that the system may refuse once the work is done, such as a disk that became full.
  mkdirSync(file)
  const refused = `${file}: the file cannot be written, because a folder has that name; make room, or choose another place`
  await expect(writeOut(file, 'data')).rejects.toThrow(new DataError(refused))
  await expect(writePicture(file, '<svg/>')).rejects.toThrow(refused)
  expect(readdirSync(folder)).toEqual(['result.svg'])
  await writeOut(path.join(folder, 'new', 'result.csv'), 'data')
  expect(readFileSync(path.join(folder, 'new', 'result.csv'), 'utf8')).toBe('data')
})
