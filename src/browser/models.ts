import { checkOptions } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { DataError, OptionError } from '../core/errors.js'
import type { Vocab } from '../data/vocab.js'
import { isZip } from '../formats/file-kind.js'
import type { TrainingRecord } from '../formats/model-config.js'
import { CONFIG, modelFiles } from '../formats/read-model.js'
import { decodeModel, type LoadedModel } from '../formats/saved-model.js'
import { unzipModel, zipModel } from '../formats/zip.js'
import type { RNNModel } from '../nn/model.js'
import { fileIn, filesIn, folderAt, folderOf, removeFrom, writeTo } from './file-system.js'

/** How a model is fetched. */
export interface FetchOptions {
  signal?: AbortSignal
  /** Called with the number of bytes received so far, and the total if the server says so. */
  onProgress?: (received: number, total: number | undefined) => void
}

/**
 * Loads a saved model from a zip (a File that was chosen or dropped, or its address), or from the address of a folder that
 * holds config.json, model.safetensors and vocab.json.
 * @throws DataError if it cannot be fetched; FormatError if it is not a saved model; the signal's reason
 */
export async function loadModel(from: string | URL | Blob, options: FetchOptions = {}): Promise<LoadedModel> {
  checkOptions('loadModel', options, { signal: 'signal', onProgress: 'function' })
  if (from instanceof Blob) {
    return unzipModel(new Uint8Array(await from.arrayBuffer()), from instanceof File ? from.name : 'loadModel')
  }
  if (typeof from !== 'string' && !(from instanceof URL)) {
    throw new OptionError(`loadModel: the argument is ${describe(from)}, expected an address or a File`)
  }
  const address = new URL(from, globalThis.location?.href)
  if (address.pathname.endsWith('.zip')) {
    const bytes = await fetched(address, options)
    if (!isZip(bytes))
      throw notThere(address, 'the answer is not a zip; it may be a page that says that nothing was found')
    return unzipModel(bytes, address.href)
  }
  const folder = address.pathname.endsWith('/') ? address : new URL(`${address.href}/`)
  // The configuration is fetched first: if it is missing, nothing large is fetched.
  const files: Record<string, Uint8Array> = { [CONFIG]: await fetched(new URL(CONFIG, folder), options) }
  for (const name of modelFiles) files[name] ??= await fetched(new URL(name, folder), options)
  return decodeModel(files, folder.href)
}

const notThere = (address: URL, why: string): DataError =>
  new DataError(`${address.href}: ${why}; expected a saved model: a zip, or a folder with ${modelFiles.join(', ')}`)

async function fetched(address: URL, { signal, onProgress }: FetchOptions): Promise<Uint8Array> {
  let response: Response
  try {
    response = await fetch(address, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw notThere(
      address,
      `it cannot be fetched (${(error as Error).message}); it may be missing, or its server may refuse requests from other sites`,
    )
  }
  if (!response.ok) throw notThere(address, `the server answered ${response.status} ${response.statusText}`.trimEnd())
  const total = Number(response.headers.get('content-length')) || undefined
  const parts: Uint8Array<ArrayBuffer>[] = []
  let received = 0
  try {
    const reader = response.body!.getReader()
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value)
      received += next.value.length
      onProgress?.(received, total)
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw notThere(address, `the connection broke after ${received} bytes (${(error as Error).message})`)
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

const MODELS = ['unrolled', 'models']

const modelsFolder = () => folderOf(MODELS)

/**
 * The models that this site keeps in the browser's own file system, by name. Each is one file, which is whole at every
 * instant. They stay until the user clears the site's data or the browser needs the room; `navigator.storage.persist()`
 * asks the browser to keep them.
 */
export const savedModels = {
  /** The names of all models. */
  async names(): Promise<string[]> {
    const folder = await folderAt(MODELS)
    const files = folder ? await filesIn(folder) : []
    return files.filter((name) => name.endsWith('.zip')).map((name) => decodeURIComponent(name.slice(0, -4)))
  },

  /** @throws DataError if there is no room; the old model of that name then stays */
  async save(name: string, model: RNNModel, vocab: Vocab, training?: TrainingRecord): Promise<void> {
    const bytes = await zipModel(model, vocab, training)
    await writeTo(await modelsFolder(), fileOf('savedModels.save', name), bytes, name)
  },

  /** @throws DataError if there is none of that name; FormatError for a damaged one */
  async load(name: string): Promise<LoadedModel> {
    const file = await fileIn(await modelsFolder(), fileOf('savedModels.load', name))
    if (!file) {
      throw new DataError(`${name}: there is no model of that name, expected one of savedModels.names()`)
    }
    return unzipModel(new Uint8Array(await file.arrayBuffer()), name)
  },

  /** Removes a model; a missing one is no error. */
  async remove(name: string): Promise<void> {
    await removeFrom(await modelsFolder(), fileOf('savedModels.remove', name))
  },
}

function fileOf(where: string, name: string): string {
  if (typeof name !== 'string' || name === '') {
    throw new OptionError(`${where}: the name is ${describe(name)}, expected a text`)
  }
  // Names may contain characters that file systems refuse, such as slashes.
  return `${encodeURIComponent(name)}.zip`
}
