import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { readFile } from './files.js'

let failures = 0
let code = 'EMFILE'
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const readFile = async (file: string) => {
    if (failures-- > 0) throw Object.assign(new Error(`${code}: refused`), { code })
    return real.readFile(file)
  }
  return { ...real, readFile }
})

const file = path.join(import.meta.dirname, 'files.ts')

test.each(['EMFILE', 'ENFILE'])('%s: a call waits until files can be opened again', async (refusal) => {
  failures = 3
  code = refusal
  expect((await readFile(file)).toString()).toContain('patient')
})

test('whatever else the system refuses is told at once', async () => {
  failures = 1
  code = 'EACCES'
  await expect(readFile(file)).rejects.toThrow('EACCES')
})

test('a process that stays out of file descriptors is told so in the end', async () => {
  failures = Number.POSITIVE_INFINITY
  code = 'EMFILE'
  let now = 0
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1000))
  await expect(readFile(file)).rejects.toThrow('EMFILE')
  clock.mockRestore()
})
