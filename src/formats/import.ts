import { checkArgument, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { FormatError } from '../core/errors.js'
import { foreignCellNames } from '../device/cells.js'
import { type FileKind, fileKinds, HEAD, kindOfFile, textOf } from './file-kind.js'
import type { ForeignFile, ForeignModel, ForeignOptions } from './foreign.js'
import type { KerasContent } from './keras/keras.js'
import { modelOfTensors, renamed } from './pytorch/names.js'
import { readTorchFile } from './pytorch/torch-file.js'
import { readSafetensors, type Safetensors, type TensorValues } from './safetensors.js'
import { type ByteSource, sourceOf } from './source.js'

type Tensors = Readonly<Record<string, TensorValues>>

/** The tensors of a file, and where in it they were found, in sentences for people. */
interface NamedTensors {
  tensors: Tensors
  found?: readonly string[]
}

/** How a kind of file that other frameworks write is read: as named tensors, as a whole model, or as both. */
interface ForeignFormat {
  tensors?(file: ForeignFile): Promise<NamedTensors>
  model?(file: ForeignFile, options: ForeignOptions): Promise<ForeignModel>
}

type Keras = typeof import('./keras/formats.js')

/** A file of Keras or TensorFlow.js, as a model or as its layers' tensors. */
const ofKeras = (read: (keras: Keras, file: ForeignFile) => Promise<KerasContent>) =>
  ({
    async model(file, options) {
      const keras = await import('./keras/formats.js')
      return keras.modelOfKeras(await read(keras, file), options, file.name)
    },
    async tensors(file) {
      const keras = await import('./keras/formats.js')
      return { tensors: keras.tensorsOfKeras(await read(keras, file), file.name) }
    },
  }) satisfies Partial<ForeignFormat>

const formats: Readonly<Record<FileKind, ForeignFormat>> = {
  '.keras': ofKeras(({ readKeras }, file) => readKeras(file)),
  '.h5 of Keras': ofKeras(({ readKerasH5 }, file) => readKerasH5(file)),
  'model.json of TensorFlow.js': ofKeras(({ readTfjs }, file) => readTfjs(file)),
  safetensors: {
    tensors: async ({ source, name }) => ({ tensors: withTwins(await readSafetensors(source, name)) }),
  },
  'torch.save': { tensors: readTorchFile },
  ONNX: { model: async (...given) => (await import('./onnx/language-model.js')).onnxLanguageModel(...given) },
}

const foreignOptions: OptionKinds<ForeignOptions> = { cell: 'any', nonlinearity: 'any', prefixes: 'any' }

/**
 * Reads a language model that another framework saved: a recurrent layer and a linear layer over the vocabulary, with or
 * without an embedding.
 * @param file its bytes, or the file with what lies beside it
 * @throws OptionError for an unknown option; FormatError for a file of an unknown kind, a damaged one, or one that holds
 *   another kind of model
 */
export async function importModel(file: Uint8Array | ForeignFile, options: ForeignOptions = {}): Promise<ForeignModel> {
  checkForeignOptions('importModel', options)
  const opened = fileOf('importModel', file)
  const format = await formatOf(opened)
  if (format.model) return format.model(opened, options)
  const { tensors, found = [] } = await format.tensors!(opened)
  const model = modelOfTensors(tensors, options, opened.name)
  return { ...model, found: [...found, ...model.found] }
}

/**
 * Reads the tensors of a file that another framework saved, by name: the parameters of any module.
 * @param options `prefixes` replaces the beginnings of names
 * @throws OptionError for an unknown option; FormatError for a file of an unknown kind or a damaged one
 */
export async function importTensors(
  file: Uint8Array | ForeignFile,
  options: Pick<ForeignOptions, 'prefixes'> = {},
): Promise<Tensors> {
  checkForeignOptions('importTensors', options)
  const opened = fileOf('importTensors', file)
  const format = await formatOf(opened)
  const { tensors } = format.tensors
    ? await format.tensors(opened)
    : { tensors: (await format.model!(opened, options)).parameters }
  return renamed(tensors, options.prefixes ?? {}, opened.name)
}

function checkForeignOptions(where: string, options: ForeignOptions): void {
  checkOptions(where, options, foreignOptions)
  const { cell, nonlinearity, prefixes } = options
  if (cell !== undefined) checkWord(where, 'cell', cell, foreignCellNames)
  if (nonlinearity !== undefined) checkWord(where, 'nonlinearity', nonlinearity, ['tanh', 'relu'])
  const texts = prefixes === undefined || Object.values(Object(prefixes)).every((value) => typeof value === 'string')
  checkArgument(where, 'prefixes', prefixes, texts, "an object of strings, such as { 'lstm.': 'rnn.' }")
}

function fileOf(where: string, file: Uint8Array | ForeignFile): ForeignFile {
  if (file instanceof Uint8Array) return { name: where, source: sourceOf(file) }
  const { source } = Object(file) as Partial<ForeignFile>
  const fits = typeof source?.read === 'function' && Number.isSafeInteger(source.size)
  checkArgument(where, 'the file', file, fits, 'its bytes, or { name, source } with what reads them part by part')
  return file
}

/** What a file is that people take for a model by mistake. */
function mistaken(head: Uint8Array): string {
  if (head.length === 0) return 'empty'
  if (head[0] === 0x1f && head[1] === 0x8b) return 'compressed with gzip, which has to be undone first'
  if (/^\s*<(!doctype|html)/i.test(textOf(head))) return 'a page of HTML, such as a server gives in place of a file'
  return 'of an unknown kind'
}

async function formatOf({ name, source }: ForeignFile): Promise<ForeignFormat> {
  const head = await headOf(source)
  const kind = kindOfFile(head, name)
  if (kind) return formats[kind]
  throw new FormatError(`${name}: it is ${mistaken(head)}, expected ${fileKinds.join(', ')}`)
}

const headOf = (source: ByteSource): Promise<Uint8Array> => source.read(0, Math.min(HEAD, source.size))

/** `save_model` of the package safetensors writes tied weights once, and the other names of each in the metadata. */
function withTwins({ tensors, metadata }: Safetensors): Tensors {
  const twins = Object.entries(metadata).filter(([twin, name]) => Object.hasOwn(tensors, name) && !(twin in tensors))
  return { ...tensors, ...Object.fromEntries(twins.map(([twin, name]) => [twin, tensors[name]])) }
}
