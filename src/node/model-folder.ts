import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { DataError, FormatError } from '../core/errors.js'
import type { Vocab } from '../data/vocab.js'
import {
  buildModel,
  configOf,
  type ModelConfig,
  parseConfig,
  parseVocab,
  type TrainingRecord,
  vocabToJson,
} from '../formats/model.js'
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js'
import type { RNNModel } from '../nn/model.js'
import { writeFlushed } from './atomic.js'

const CONFIG = 'config.json'
const PARAMETERS = 'model.safetensors'
const VOCAB = 'vocab.json'
/** Bytes beyond which a JSON file of a model is not read. */
const MAX_JSON = 256 * 2 ** 20

export interface LoadedModel {
  model: RNNModel
  vocab: Vocab
  config: ModelConfig
}

/** The folder that the old model waits in while the new one takes its place. */
const previousOf = (folder: string) => `${path.resolve(folder)}.previous`

/**
 * Saves a model as a folder of config.json, model.safetensors (with PyTorch's names) and vocab.json. The
 * folder is written whole beside its place and then renamed, so that at every instant either the old or the
 * new model can be loaded. Other files of an earlier model's folder are kept.
 * @throws DataError for a folder that holds something else, or cannot be written
 */
export async function saveModel(
  folder: string,
  model: RNNModel,
  vocab: Vocab,
  training?: TrainingRecord,
): Promise<void> {
  if (model.vocabSize !== vocab.size) {
    throw new DataError(`saveModel: the vocabulary has ${vocab.size} tokens, expected the model's ${model.vocabSize}`)
  }
  const target = path.resolve(folder)
  const others = await otherFiles(target)
  const made = `${target}.${process.pid}.tmp`
  try {
    await mkdir(made, { recursive: true })
    for (const name of others) await cp(path.join(target, name), path.join(made, name), { recursive: true })
    await writeFlushed(path.join(made, PARAMETERS), encodeSafetensors(model.stateDict(), { format: 'pt' }))
    await writeFlushed(path.join(made, VOCAB), vocabToJson(vocab))
    await writeFlushed(path.join(made, CONFIG), `${JSON.stringify(configOf(model, training), null, 2)}\n`)
    await replace(made, target)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    throw new DataError(
      `${folder}: the model cannot be saved there (${(error as Error).message}); choose another folder`,
    )
  }
}

/** @throws DataError unless a model may be saved to this folder: checked before a long training begins */
export async function checkModelFolder(folder: string): Promise<void> {
  const target = path.resolve(folder)
  await otherFiles(target)
  const probe = `${target}.${process.pid}.probe`
  try {
    await mkdir(probe, { recursive: true })
    await rm(probe, { recursive: true })
  } catch (error) {
    throw new DataError(
      `${folder}: the model cannot be saved there (${(error as Error).message}); choose another folder`,
    )
  }
}

/**
 * Loads a model that `saveModel` wrote.
 * @throws DataError where there is none, FormatError for a truncated or forged one
 */
export async function loadModel(folder: string): Promise<LoadedModel> {
  const there = await findFolder(folder)
  const config = parseConfig(await readJson(there, CONFIG), path.join(folder, CONFIG))
  const vocab = parseVocab(await readJson(there, VOCAB), path.join(folder, VOCAB))
  if (vocab.size !== config.vocabSize) {
    throw new FormatError(
      `${path.join(folder, VOCAB)}: the vocabulary has ${vocab.size} tokens, expected ${config.vocabSize} by ${CONFIG}`,
    )
  }
  const where = path.join(folder, PARAMETERS)
  const { tensors } = decodeSafetensors(await readPart(there, PARAMETERS), where)
  return { model: buildModel(config, tensors, where), vocab, config }
}

/** The folder, or where a save was cut off between its two renames, the one before it. */
async function findFolder(folder: string): Promise<string> {
  for (const candidate of [folder, previousOf(folder)]) {
    const info = await stat(candidate).catch(() => undefined)
    if (info?.isDirectory()) return candidate
    if (info) throw new DataError(`${folder}: it is a file, expected the folder of a saved model`)
  }
  throw new DataError(`${folder}: there is no such folder, expected one that a training saved`)
}

async function replace(made: string, target: string): Promise<void> {
  const previous = previousOf(target)
  const exists = await stat(target).catch(() => undefined)
  if (exists) {
    await rm(previous, { recursive: true, force: true })
    await rename(target, previous)
  }
  await rename(made, target)
  await rm(previous, { recursive: true, force: true })
}

/** Files in a folder besides a model's own. @throws DataError where they show that it is no model's folder */
async function otherFiles(target: string): Promise<string[]> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    if (error.code === 'ENOTDIR') throw new DataError(`${target}: it is a file, expected a folder for the model`)
    throw new DataError(`${target}: it cannot be read (${error.message})`)
  })
  if (names.length > 0 && !names.includes(CONFIG)) {
    throw new DataError(`${target}: the folder holds other files, expected an empty one, a new one, or a saved model`)
  }
  return names.filter((name) => ![CONFIG, PARAMETERS, VOCAB].includes(name))
}

async function readJson(folder: string, name: string): Promise<string> {
  const file = path.join(folder, name)
  const { size } = await stat(file).catch(() => missing(folder, name))
  if (size > MAX_JSON) throw new FormatError(`${file}: the file has ${size} bytes, expected at most ${MAX_JSON}`)
  return (await readPart(folder, name)).toString('utf8')
}

const readPart = (folder: string, name: string): Promise<Buffer> =>
  readFile(path.join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return missing(folder, name)
    throw new FormatError(`${path.join(folder, name)}: the file cannot be read (${error.message})`)
  })

function missing(folder: string, name: string): never {
  throw new FormatError(
    `${folder}: ${name} is missing, expected ${CONFIG}, ${PARAMETERS} and ${VOCAB} of a saved model`,
  )
}
