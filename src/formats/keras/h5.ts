import { DataError, FormatError } from '../../core/errors.js'
import { sizeOf } from '../../core/shape.js'
import type { TensorValues } from '../safetensors.js'

type H5Wasm = Awaited<ReturnType<typeof load>>

/** What a file of HDF5 holds, as far as models need it. */
export interface H5Content {
  /** The attribute `model_config` of a whole model. */
  config?: string
  /** The arrays of floats by their paths; in a whole model, those of its weights alone. */
  tensors: Record<string, TensorValues>
}

/** Groups are nested this deep at most, and there are at most this many names: links may form circles. */
const DEEPEST = 16
const MOST_NAMES = 100_000

let files = 0

/**
 * Reads the weights in a file of HDF5, by the HDF Group's own library as WebAssembly.
 * @param where the file's name, for messages
 * @throws DataError if the package h5wasm is not installed; FormatError for a damaged or forged file
 */
export async function readH5(bytes: Uint8Array, where: string): Promise<H5Content> {
  const library = await load()
  return withFile(library, bytes, where, (file) => contentOf(library, file, bytes.length, where))
}

/**
 * Writes arrays of floats by their paths as a file of HDF5.
 * @throws DataError if the package h5wasm is not installed
 */
export async function writeH5(tensors: Readonly<Record<string, TensorValues>>): Promise<Uint8Array> {
  const { h5wasm, FS } = await load()
  const name = `/unrolled-${files++}.h5`
  const file = new h5wasm.File(name, 'w')
  try {
    for (const [path, { data, shape }] of Object.entries(tensors)) {
      const parts = path.split('/')
      const dataset = parts.pop()!
      let group: InstanceType<typeof h5wasm.Group> = file
      for (const part of parts) {
        group = (group.get(part) as typeof group | null) ?? group.create_group(part)
      }
      group.create_dataset({ name: dataset, data: Float32Array.from(data), shape: [...shape], dtype: '<f' })
    }
    file.close()
    return FS.readFile(name)
  } finally {
    FS.unlink(name)
  }
}

async function load() {
  try {
    const { default: h5wasm } = await import('h5wasm')
    const module = await h5wasm.ready
    // Otherwise the library writes its errors to the console.
    module.activate_throwing_error_handler()
    return { h5wasm, FS: module.FS }
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    const reason = code === 'ERR_MODULE_NOT_FOUND' ? '' : ` (${message.split('\n')[0]})`
    throw new DataError(
      `files of HDF5, such as .h5 and .keras, need the package h5wasm, which cannot be loaded${reason}; install it with: npm install h5wasm`,
    )
  }
}

type H5File = InstanceType<H5Wasm['h5wasm']['File']>
type H5Group = InstanceType<H5Wasm['h5wasm']['Group']>

function withFile<T>({ h5wasm, FS }: H5Wasm, bytes: Uint8Array, where: string, use: (file: H5File) => T): T {
  const name = `/unrolled-${files++}.h5`
  let file: H5File | undefined
  try {
    FS.writeFile(name, bytes)
    file = new h5wasm.File(name, 'r')
    return use(file)
  } catch (error) {
    if (error instanceof FormatError) throw error
    // The library's messages are traces of several lines, which end with the reason.
    const reason = [...String((error as Error).message).matchAll(/^ *#\d+:.*?: (.*)$/gm)].at(-1)?.[1]
    throw new FormatError(`${where}: it is not HDF5, or damaged (${reason ?? (error as Error).message})`)
  } finally {
    try {
      file?.close()
      FS.unlink(name)
    } catch {
      // A damaged file that cannot be closed stays in this memory.
    }
  }
}

function contentOf({ h5wasm }: H5Wasm, file: H5File, size: number, where: string): H5Content {
  const config = file.attrs.model_config?.value
  const weights = file.get('model_weights')
  const root = weights instanceof h5wasm.Group ? weights : file
  const tensors: Record<string, TensorValues> = {}
  let [names, bytes] = [0, 0]
  const visit = (group: H5Group, path: string, keys: readonly string[], depth: number): void => {
    for (const key of keys) {
      if (++names > MOST_NAMES || depth > DEEPEST)
        throw new FormatError(`${where}: its groups have no end, expected a model’s`)
      const entry = group.get(key)
      const name = `${path}${key}`
      if (entry instanceof h5wasm.Group) visit(entry, `${name}/`, entry.keys(), depth + 1)
      const dtype = entry instanceof h5wasm.Dataset ? String(entry.dtype) : ''
      // Whole numbers are the states of random generators.
      if (!(entry instanceof h5wasm.Dataset) || /^[<>][bhiq]$/i.test(dtype)) continue
      if (dtype !== '<f' && dtype !== '<d') {
        throw new FormatError(`${where}: ${name} is of the type ${dtype}, expected floats of 32 or 64 bits, <f or <d`)
      }
      const shape = entry.shape ?? []
      bytes += sizeOf(shape) * entry.metadata.size
      if (bytes > size) {
        throw new FormatError(
          `${where}: ${name} claims the shape [${shape.join(', ')}], expected no more values than the file's ${size} bytes hold; a compressed file cannot be read`,
        )
      }
      tensors[name] = { data: Float32Array.from(entry.value as Float32Array), shape }
    }
  }
  visit(root, '', layerNames(root), 0)
  return { config: typeof config === 'string' ? config : undefined, tensors }
}

/** The groups of the layers in their order, which Keras 2 writes as attributes: one, or several if they are long. */
function layerNames(root: H5Group): string[] {
  const { attrs } = root
  if (attrs.layer_names) return attrs.layer_names.value as string[]
  const parts: string[] = []
  for (let i = 0; attrs[`layer_names${i}`]; i++) parts.push(...(attrs[`layer_names${i}`].value as string[]))
  return parts.length > 0 ? parts : root.keys()
}
