import path from 'node:path'
import { DataError } from '../core/errors.js'
import { parseAnyConfig } from '../formats/any-config.js'
import { CONFIG } from '../formats/read-model.js'
import { openSafetensors } from '../formats/safetensors.js'
import { zipModel } from '../formats/zip.js'
import { refuseLocked } from '../node/lock.js'
import { loadModel } from '../node/model-folder.js'
import { withFile } from '../node/open-file.js'
import { json, type trainedOn } from '../run/checkpoint.js'
import { parseRecord } from '../run/record.js'
import { CHECKPOINT, HISTORY } from '../run/store.js'

/** What a training is, and how it stands. */
export interface Standing {
  state: 'running' | 'ended' | 'stopped'
  /** What it is on. Absent until it has a checkpoint or a model; the same holds for the cell and the sizes. */
  kind?: keyof typeof trainedOn
  cell?: string
  hiddenSize?: number
  numLayers?: number
}

/** Content that a request is answered with. */
export interface Content {
  body: string | Uint8Array
  /** The size of all that the body is a part of, if it may be one. */
  size?: number
}

/** How a request is answered. */
export interface Answer {
  /** The type of its content. */
  type: string
  /**
   * @param from the first byte that is wanted, where parts can be had
   * @returns undefined if there is no such byte
   */
  make(from: number): Promise<Content | undefined>
}

/**
 * The answers about trainings of this machine, by the path of the request: their names, and for each its events so far, its
 * standing and its model.
 * @throws DataError for a folder without a training
 */
export async function machineRuns(folders: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
  for (const folder of folders) await history(folder, 0)
  const names = JSON.stringify(namesOf(folders))
  const answers = new Map<string, Answer>()
  answers.set('/machine/runs.json', { type: 'application/json', make: async () => ({ body: names }) })
  folders.forEach((folder, i) => {
    answers.set(`/machine/${i}/history.jsonl`, {
      type: 'text/plain; charset=utf-8',
      make: (from) => history(folder, from),
    })
    answers.set(`/machine/${i}/standing.json`, {
      type: 'application/json',
      make: async () => ({ body: JSON.stringify(await standingOf(folder)) }),
    })
    answers.set(`/machine/${i}/model.zip`, {
      type: 'application/zip',
      async make() {
        const { model, vocab, config } = await loadModel(folder)
        return { body: await zipModel(model, vocab, config.training) }
      },
    })
  })
  return answers
}

/** A history from a byte on, so that a page that follows it is sent only what is new. */
async function history(folder: string, from: number): Promise<Content | undefined> {
  const file = path.join(folder, HISTORY)
  const read = await withFile(file, async ({ size, read }) => ({
    size,
    body: from < size ? await read(from, size - from) : undefined,
  }))
  if (!read) throw new DataError(`${file}: there is no such file, expected the folder of a training`)
  const { size, body } = read
  if (body) return { size, body }
  // A training that has just begun has told nothing yet.
  return from === 0 ? { size, body: new Uint8Array(0) } : undefined
}

/** @throws FormatError for a damaged checkpoint or configuration */
async function standingOf(folder: string): Promise<Standing> {
  const isFree = await refuseLocked(folder).then(
    () => true,
    () => false,
  )
  const file = path.join(folder, CHECKPOINT)
  // The numbers of a checkpoint are not read.
  const checkpoint = await withFile(file, async (source) => (await openSafetensors(source, file)).metadata)
  const place = path.join(folder, CONFIG)
  const text = checkpoint?.config ?? (await withFile(place, async ({ size, read }) => decode(await read(0, size))))
  const model = text === undefined ? {} : parseAnyConfig(text, place)
  const isOver = checkpoint?.run ? parseRecord(json(checkpoint.run, file), file).finished : text !== undefined
  return { state: isFree ? (isOver ? 'ended' : 'stopped') : 'running', ...model }
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** The names of folders, with as many of the folders around them as tell them apart. */
function namesOf(folders: readonly string[]): string[] {
  const parts = folders.map((folder) => path.resolve(folder).split(path.sep))
  const deepest = Math.max(0, ...parts.map(({ length }) => length))
  for (let depth = 1; ; depth++) {
    const names = parts.map((part) => part.slice(-depth).join('/'))
    if (new Set(names).size === names.length || depth >= deepest) return names
  }
}
