import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { DataError } from '../config.js'
import { HISTORY } from '../node.js'
import { visible } from './output.js'
import { RESULTS } from './sweep/results.js'

/**
 * The folders of trainings among named ones. A sweep's folder stands for its trials. What is no training is left out, with a
 * line that says so, because a pattern such as `runs/*` also finds models without a history, and files.
 * @throws DataError for a name that does not exist, and if no training is among them
 */
export async function runFolders(named: readonly string[]): Promise<string[]> {
  const folders: string[] = []
  const others: { name: string; reason: string }[] = []
  for (const name of new Set(named.map(withoutSlash))) {
    const found = await trainingsIn(name)
    if (typeof found === 'string') others.push({ name, reason: found })
    else folders.push(...found)
  }
  if (folders.length === 0 && others.length > 0) {
    const rest = others.length === 1 ? '' : `; none of the ${others.length} named places has a training`
    throw new DataError(`${others[0].reason}${rest}`)
  }
  if (others.length > 0) {
    console.error(visible(`left out, because no training is there: ${others.map(({ name }) => name).join(', ')}`))
  }
  return [...new Set(folders)]
}

/** The trainings that a name stands for, or the reason why there is none. */
async function trainingsIn(name: string): Promise<string[] | string> {
  const info = await stat(name).catch(() => undefined)
  if (!info) throw new DataError(`${name}: there is no such folder, expected one that a training saved to`)
  if (!info.isDirectory()) return `${name}: it is a file, expected the folder of a training`
  const inside = await readdir(name, { withFileTypes: true }).catch((error: Error) => {
    throw new DataError(`${name}: the folder cannot be read (${error.message})`)
  })
  const names = inside.map((entry) => entry.name)
  if (names.includes(HISTORY)) return [name]
  if (!names.includes(RESULTS)) {
    return `${path.join(name, HISTORY)}: there is no such file, expected the history that a training writes`
  }
  const trials: string[] = []
  for (const trial of inside.filter((entry) => entry.isDirectory()).map((entry) => path.join(name, entry.name))) {
    if (await stat(path.join(trial, HISTORY)).catch(() => undefined)) trials.push(trial)
  }
  return trials.length > 0 ? trials.toSorted() : `${name}: no trial of this sweep has begun, expected one that has`
}

const withoutSlash = (folder: string): string => folder.replace(/(?<=[^/])\/+$/, '')
