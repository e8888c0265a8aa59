import { mkdtemp, rmdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { OptionError, whyNotWritten } from '../config.js'

/** File systems allow 255; a file has a longer name until it is whole. */
const MOST_BYTES = 200

/**
 * Refuses, before the work, a place where its result could not be written afterwards.
 * @param flag the option that names the place
 * @param kind what is written; `any` is a file or a folder, as a format wants it
 * @param read the file that is read, which must not be replaced
 */
export async function checkOut(
  command: string,
  flag: string,
  place: string,
  kind: 'file' | 'folder' | 'any' = 'file',
  read?: string,
): Promise<void> {
  const refuse = (problem: string, expected: string): never => {
    throw new OptionError(`${command}: ${flag} is '${place}', ${problem}; expected ${expected}`)
  }
  const there = await stat(place).catch(() => undefined)
  if (kind === 'file' && there?.isDirectory()) refuse('which is a folder', 'the name of a file')
  if (kind === 'folder' && there?.isFile()) refuse('which is a file', 'a folder')
  if (there && !there.isDirectory() && !there.isFile()) refuse('which is neither a file nor a folder', 'another place')
  const source = read === undefined ? undefined : await stat(read).catch(() => undefined)
  if (there && source && there.ino === source.ino && there.dev === source.dev) {
    refuse('which is the file that is read', 'another place')
  }
  // Missing folders are made when the result is written, in the nearest one that is there.
  let around = path.dirname(path.resolve(place))
  while (!(await stat(around).catch(() => undefined)) && around !== path.dirname(around)) around = path.dirname(around)
  const names = path.relative(around, path.resolve(place)).split(path.sep)
  if (names.some((name) => Buffer.byteLength(name) > MOST_BYTES)) {
    refuse('whose name is too long', `at most ${MOST_BYTES} bytes`)
  }
  // Rights alone do not tell, since some file systems allow no new files to anyone.
  const made = await mkdtemp(path.join(around, '.unrolled-')).catch((error: Error) =>
    refuse(`but nothing can be written there, because ${whyNotWritten(error)}`, 'another place'),
  )
  await rmdir(made)
}
