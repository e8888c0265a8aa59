import { createHash } from 'node:crypto'
import { access, link, readlink, realpath } from 'node:fs/promises'
import path from 'node:path'
import { DataError, FormatError, OptionError, UnrolledError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { Vocab } from '../data/vocab.js'
import {
  buildModel,
  checkSavable,
  checkVocab,
  configOf,
  type ModelConfig,
  parseConfig,
  parseVocab,
  type TrainingRecord,
  vocabToJson,
} from '../formats/model.js'
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js'
import { RNNModel } from '../nn/model.js'
import { checkNoneHidden } from '../tensor/listings.js'
import { tensorsUnder } from '../train/state.js'
import { BESIDE, beside, findReplaced, makeFolder, replaceFolder, writeFlushed } from './atomic.js'
import { BEST, CHECKPOINT, EVENT_FILE, loadCheckpoint } from './checkpoint.js'
import { cp, readdir, rm, stat } from './files.js'
import { HISTORY, readHistory } from './history.js'
import { LOCK } from './lock.js'
import { MOST_BYTES, readWhole } from './read-whole.js'

const CONFIG = 'config.json'
const PARAMETERS = 'model.safetensors'
const VOCAB = 'vocab.json'
/** Bytes beyond which a file is not read. */
const maxBytes = { [CONFIG]: 2 ** 20, [VOCAB]: 2 ** 28, [PARAMETERS]: MOST_BYTES }
type Part = keyof typeof maxBytes

export interface LoadedModel {
  model: RNNModel
  vocab: Vocab
  config: ModelConfig
}

/**
 * Saves a model as a folder of config.json, model.safetensors (with PyTorch's names) and vocab.json. The
 * folder is written whole beside its place and then renamed, so that at every instant either the old or the
 * new model can be loaded, and never a mixture. Other files in an earlier model's folder are kept, but for the
 * best model of a training, whose place this one takes. What `loadModel` would refuse is not saved.
 * @throws OptionError for a module that is no RNNModel (`saveStateDict` saves any module); DataError for a model that
 *   could not be loaded again, and for a folder that holds something else or cannot be written
 */
export async function saveModel(
  folder: string,
  model: RNNModel,
  vocab: Vocab,
  training?: TrainingRecord,
): Promise<void> {
  if (!(model instanceof RNNModel)) {
    throw new OptionError(
      'saveModel: the model is no RNNModel, expected one; saveStateDict saves a module of any class',
    )
  }
  if (!(vocab instanceof Vocab))
    throw new OptionError('saveModel: the vocabulary is no Vocab, expected that of the model')
  checkNoneHidden('saveModel', model.parameters())
  const parameters = model.stateDict()
  checkSavable('saveModel', configOf(model, training), vocab, parameters)
  const files = {
    [PARAMETERS]: encodeSafetensors(parameters, { format: 'pt' }),
    [VOCAB]: Buffer.from(vocabToJson(vocab)),
  }
  const sha256 = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256Of(bytes)]))
  const config = Buffer.from(`${JSON.stringify({ ...configOf(model, training), sha256 }, null, 2)}\n`)
  await orDataError(folder, async () => {
    const place = await placeOf(folder)
    const kept = (await otherFiles(place)).filter((name) => name !== BEST)
    await replaceFolder(place, async (made) => {
      for (const name of kept) await carry(path.join(place, name), path.join(made, name))
      for (const [name, bytes] of Object.entries({ ...files, [CONFIG]: config })) {
        await writeFlushed(path.join(made, name), bytes)
      }
    })
  })
}

/** @throws DataError unless a model may be saved to this folder: to be asked before a long training */
export async function checkModelFolder(folder: string): Promise<void> {
  await orDataError(folder, async () => {
    const place = await placeOf(folder)
    await otherFiles(place)
    const probe = beside(place)
    await makeFolder(probe)
    await rm(probe, { recursive: true })
  })
}

/**
 * Loads a model that `saveModel` wrote, while others may be saving there; from the folder of a training that is
 * not over, its best model so far, or its last where nothing was held out.
 * @throws DataError where there is none, FormatError for a damaged or forged one
 */
export async function loadModel(folder: string): Promise<LoadedModel> {
  const place = await placeOf(folder)
  for (let attempts = 10; ; attempts--) {
    const there = await findFolder(place, folder)
    try {
      return await readModel(there.path, folder)
    } catch (error) {
      // Where a save replaced the folder between two of our reads, another look finds the new one whole.
      const now = await findFolder(place, folder)
      if (attempts === 1 || (now.path === there.path && now.ino === there.ino)) throw error
    }
  }
}

/** A file or folder under a second name, so that a process that has it open goes on with the same one. */
const carry = (from: string, to: string): Promise<void> =>
  link(from, to).catch(() => cp(from, to, { recursive: true, verbatimSymlinks: true }))

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

/** The best model of a training that is not over, else the one that was saved, else the training's last. */
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
  const read = (name: Part) => readPart(path.join(there, name), path.join(folder, name), maxBytes[name])
  const [configFile, vocabFile, where] = [CONFIG, VOCAB, PARAMETERS].map((name) => path.join(folder, name))
  const config = parseConfig((await read(CONFIG)).toString(), configFile)
  const files = { [VOCAB]: await read(VOCAB), [PARAMETERS]: await read(PARAMETERS) }
  const vocab = parseVocab(files[VOCAB].toString(), vocabFile)
  if (vocab.kind === 'bpe') await loadBytePairs()
  checkVocab(config, vocab, vocabFile)
  const { tensors } = decodeSafetensors(files[PARAMETERS], where)
  const model = buildModel(config, tensors, where)
  for (const [name, bytes] of Object.entries(files)) {
    const expected = config.sha256?.[name]
    if (expected !== undefined && expected !== sha256Of(bytes) && expected !== sha256Of(withoutMark(bytes))) {
      throw new FormatError(
        `${path.join(folder, name)}: the file is not the one that was saved (its SHA-256 differs); if you exchanged it on purpose, remove sha256 from ${CONFIG}`,
      )
    }
  }
  return { model, vocab, config }
}

/** The folder, or where a save was cut off between its two renames, the one before it. */
async function findFolder(place: string, folder: string): Promise<{ path: string; ino: bigint }> {
  // The place itself again at last: a save may have ended meanwhile.
  for (const find of [() => place, () => findReplaced(place), () => place]) {
    const candidate = await find()
    const info = candidate && (await stat(candidate, { bigint: true }).catch(() => undefined))
    if (!info) continue
    if (info.isDirectory()) return { path: candidate, ino: info.ino }
    throw new DataError(`${folder}: it is a file, expected the folder of a saved model`)
  }
  throw new DataError(`${folder}: there is no such folder, expected one that a training saved`)
}

/** Where a folder really is, or would be: renaming a link would move the link alone. */
export async function placeOf(folder: string): Promise<string> {
  const link = await readlink(folder).catch(() => undefined)
  const place = link === undefined ? folder : path.resolve(path.dirname(folder), link)
  return realpath(place).catch(() => path.resolve(place))
}

/** Files in a folder besides a model's own. @throws DataError where they show that it is no model's folder */
async function otherFiles(place: string): Promise<string[]> {
  const below = path.relative(place, process.cwd())
  if (!path.isAbsolute(below) && below.split(path.sep)[0] !== '..') {
    throw new DataError(`${place}: it is the current folder or one around it, expected a folder for the model alone`)
  }
  const names = await readdir(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    if (error.code === 'ENOTDIR') throw new DataError(`${place}: it is a file, expected a folder for the model`)
    throw error
  })
  if (!names.includes(CHECKPOINT) && !(await areRemains(place, names))) {
    const file = path.join(place, CONFIG)
    await readPart(file, file, maxBytes[CONFIG])
      .then((bytes) => parseConfig(bytes.toString(), file))
      .catch(() => {
        throw new DataError(
          `${place}: the folder holds other files, expected an empty one, a new one, or a saved model`,
        )
      })
  }
  return names.filter((name) => !Object.hasOwn(maxBytes, name))
}

/** Whether a folder is empty, or has only what is left of a training that ended before it had learnt anything. */
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

/** @param name of the file, for messages */
async function readPart(file: string, name: string, limit: number): Promise<Buffer> {
  const bytes = await readWhole(file, name, limit)
  if (bytes) return bytes
  throw new FormatError(
    `${path.dirname(name)}: ${path.basename(name)} is missing, expected ${CONFIG}, ${PARAMETERS} and ${VOCAB} of a saved model`,
  )
}

/** A file without the byte order mark of UTF-8, which some editors put before a text. */
const withoutMark = (bytes: Buffer): Buffer => (bytes.subarray(0, 3).equals(MARK) ? bytes.subarray(3) : bytes)
const MARK = Buffer.from('\uFEFF')

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What the system refuses, as an error that names the folder and what to do. */
export async function orDataError<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof UnrolledError || (error as NodeJS.ErrnoException).code === undefined) throw error
    throw new DataError(
      `${folder}: the model cannot be saved there (${(error as Error).message}); choose another folder`,
    )
  }
}
