import { access, link, readFile, readlink, realpath } from 'node:fs/promises'
import path from 'node:path'
import { DataError, UnrolledError } from '../core/errors.js'
import { whyNotWritten } from '../core/refusal.js'
import type { Vocab } from '../data/vocab.js'
import { parseAnyConfig } from '../formats/any-config.js'
import type { TrainingRecord } from '../formats/model-config.js'
import { buildModel } from '../formats/model-of.js'
import { CONFIG, type ModelFile, modelFiles, mostBytes } from '../formats/read-model.js'
import { decodeModel, encodeFiles, type LoadedModel } from '../formats/saved-model.js'
import { unzipModel } from '../formats/zip.js'
import type { RNNModel } from '../nn/model.js'
import { checkpointKind, trainedOn } from '../run/checkpoint.js'
import { BEST, CHECKPOINT, EVENT_FILE, HISTORY } from '../run/store.js'
import { tensorsUnder } from '../train/progress.js'
import { BESIDE, beside, findReplaced, makeFolder, replaceFolder, writeFlushed } from './atomic.js'
import { loadCheckpoint } from './checkpoint.js'
import { cp, readdir, rm, stat } from './files.js'
import { readHistory } from './history.js'
import { LOCK } from './lock.js'
import { type OpenFile, openFile, withFile } from './open-file.js'
import { checkPath } from './path-argument.js'

/**
 * Saves a model as a folder of config.json, model.safetensors (with PyTorch's names) and vocab.json. The folder is
 * written whole under a temporary name next to it and then renamed, so that at every instant either the old or the new
 * model can be loaded, and never a mixture. Other files in an earlier model's folder are kept, except for the best
 * model of a training, which this one replaces. A model that `loadModel` would refuse is not saved.
 * @throws OptionError for a module that is not an RNNModel (`saveStateDict` saves any module); DataError for a model that
 *   could not be loaded again, and for a folder that holds something else or cannot be written
 */
export async function saveModel(
  folder: string,
  model: RNNModel,
  vocab: Vocab,
  training?: TrainingRecord,
): Promise<void> {
  checkPath('saveModel', 'the folder', folder)
  await replaceModel(folder, await encodeFiles('saveModel', model, vocab, training))
}

/** Replaces the files of an earlier model. */
export async function replaceModel(
  folder: string,
  files: Readonly<Partial<Record<ModelFile, Uint8Array>>>,
): Promise<void> {
  await orDataError(folder, async () => {
    const place = await placeOf(folder)
    const kept = (await otherFiles(place)).filter((name) => name !== BEST)
    await replaceFolder(place, async (made) => {
      for (const name of kept) await carry(path.join(place, name), path.join(made, name))
      for (const [name, bytes] of Object.entries(files)) await writeFlushed(path.join(made, name), bytes)
    })
  })
}

/** Call this before a long training. @throws DataError unless a model may be saved to this folder */
export async function checkModelFolder(folder: string): Promise<void> {
  checkPath('checkModelFolder', 'the folder', folder)
  await orDataError(folder, async () => {
    const place = await placeOf(folder)
    await otherFiles(place)
    const probe = beside(place)
    await makeFolder(probe)
    await rm(probe, { recursive: true })
  })
}

/**
 * Loads a model that `saveModel` wrote, even while another process saves there. From the folder of an unfinished training,
 * it loads the best model so far, or the last if nothing was held out. A zip of such a folder is read as it is.
 * @throws DataError if there is none; FormatError for a damaged or forged one
 */
export async function loadModel(folder: string): Promise<LoadedModel> {
  checkPath('loadModel', 'the folder', folder)
  const place = await placeOf(folder)
  if (/\.zip$/i.test(place) && (await stat(place).catch(() => undefined))?.isFile()) {
    return unzipModel(await readFile(place), folder)
  }
  for (let attempts = 10; ; attempts--) {
    const there = await findFolder(place, folder)
    try {
      return await readModel(there.path, folder)
    } catch (error) {
      // If a save replaced the folder between two of our reads, a second attempt finds the new one whole.
      const now = await findFolder(place, folder)
      if (attempts === 1 || (now.path === there.path && now.ino === there.ino)) throw error
    }
  }
}

/** Gives a file or folder a second name, so that a process that has it open keeps the same one. */
const carry = (from: string, to: string): Promise<void> =>
  link(from, to).catch(() => cp(from, to, { recursive: true, verbatimSymlinks: true }))

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

/** The best model of an unfinished training, otherwise the saved model, otherwise the training's last. */
async function readModel(there: string, folder: string): Promise<LoadedModel> {
  if (await isThere(path.join(there, BEST))) return readCheckpoint(path.join(there, BEST))
  const saved = await isThere(path.join(there, CONFIG))
  if (!saved && (await isThere(path.join(there, CHECKPOINT)))) return readCheckpoint(path.join(there, CHECKPOINT))
  return readSaved(there, folder)
}

async function readCheckpoint(file: string): Promise<LoadedModel> {
  const { config, vocab, tensors } = await loadCheckpoint(file)
  return { model: buildModel(config, tensorsUnder('model', tensors), file), vocab, config }
}

async function readSaved(there: string, folder: string): Promise<LoadedModel> {
  const files: Record<string, OpenFile> = {}
  try {
    for (const name of modelFiles) {
      const file = await openFile(path.join(there, name), path.join(folder, name))
      if (file) files[name] = file
    }
    return await decodeModel(files, folder)
  } finally {
    for (const file of Object.values(files)) await file.close()
  }
}

/** The folder, or the one before it if a save was cut off between its two renames. */
async function findFolder(place: string, folder: string): Promise<{ path: string; ino: bigint }> {
  // The place itself is tried again at the end, because a save may have finished in the meantime.
  for (const find of [() => place, () => findReplaced(place), () => place]) {
    const candidate = await find()
    const info = candidate && (await stat(candidate, { bigint: true }).catch(() => undefined))
    if (!info) continue
    if (info.isDirectory()) return { path: candidate, ino: info.ino }
    throw new DataError(`${folder}: it is a file, expected the folder of a saved model`)
  }
  throw new DataError(`${folder}: there is no such folder, expected one that a training saved`)
}

/** The real path of a folder, which may not exist yet; renaming a link to it would move only the link. */
export async function placeOf(folder: string): Promise<string> {
  const link = await readlink(folder).catch(() => undefined)
  const place = link === undefined ? folder : path.resolve(path.dirname(folder), link)
  return realpath(place).catch(() => path.resolve(place))
}

/** Files in a folder besides a model's own. @throws DataError if they show that it is not the folder of a model */
async function otherFiles(place: string): Promise<string[]> {
  const below = path.relative(place, process.cwd())
  if (!path.isAbsolute(below) && below.split(path.sep)[0] !== '..') {
    throw new DataError(`${place}: it is the current folder or one around it, expected a folder for the model alone`)
  }
  const names = await readdir(place).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    if (error.code === 'ENOTDIR' && (await isThere(place)))
      throw new DataError(`${place}: it is a file, expected a folder for the model`)
    throw error
  })
  if (!names.includes(CHECKPOINT) && !(await areRemains(place, names))) {
    if (!(await isModel(path.join(place, CONFIG)))) {
      throw new DataError(`${place}: the folder holds other files, expected an empty one, a new one, or a saved model`)
    }
  }
  return names.filter((name) => !modelFiles.some((own) => own === name))
}

/** Whether a file is the configuration of a saved model. */
async function isModel(file: string): Promise<boolean> {
  const read = withFile(file, async ({ size, read }) => {
    if (size > mostBytes[CONFIG]) return false
    const text = new TextDecoder().decode(await read(0, size))
    parseAnyConfig(text, file)
    return true
  })
  return (await read.catch(() => false)) ?? false
}

/** The bytes of a saved model's files. @throws DataError if one is missing, and while their training is not finished */
export async function readWhole<Name extends ModelFile>(
  folder: string,
  names: readonly Name[],
): Promise<Record<Name, Uint8Array>> {
  const files: Partial<Record<Name, Uint8Array>> = {}
  for (const name of names) {
    files[name] = await readFile(path.join(folder, name)).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
      const kind = name === CONFIG && (await unfinishedIn(folder))
      throw new DataError(
        kind
          ? `${folder}: its training on ${trainedOn[kind]} is not finished, expected the folder of a saved model; unrolled train --resume ${folder} goes on`
          : `${folder}: there is no ${name}, expected the folder of a model that a finished training saved`,
      )
    })
  }
  return files as Record<Name, Uint8Array>
}

/** What the training is on whose checkpoint is in a folder; undefined if there is none that can be read. */
const unfinishedIn = (folder: string) => {
  const file = path.join(folder, CHECKPOINT)
  return withFile(file, (opened) => checkpointKind(opened, file)).catch(() => undefined)
}

/** Whether the folder of a saved model holds one of this format. */
export async function hasFormat(folder: string, format: string): Promise<boolean> {
  const config = await readFile(path.join(folder, CONFIG), 'utf8').catch(() => '')
  return config.includes(`"format":"${format}"`)
}

/** Whether a folder is empty, or has only the remains of a training that ended before it had learnt anything. */
async function areRemains(place: string, names: readonly string[]): Promise<boolean> {
  const known = names.every(
    (name) => name.startsWith(LOCK) || name === HISTORY || name.startsWith(EVENT_FILE) || BESIDE.test(name),
  )
  if (!known || !names.includes(HISTORY)) return known
  return readHistory(path.join(place, HISTORY)).then(
    () => true,
    () => false,
  )
}

/** Turns the system's errors into one that names the folder and says what to do. */
export async function orDataError<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof UnrolledError || (error as NodeJS.ErrnoException).code === undefined) throw error
    throw new DataError(
      `${folder}: the model cannot be saved there, because ${whyNotWritten(error as Error)}; choose another folder`,
    )
  }
}
