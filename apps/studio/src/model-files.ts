import { type DroppedFile, decodeModel, type LoadedModel, loadModel, type SeriesFiles } from 'unrolled/browser'
import { FaultError, faultOf } from './faults'

/** Endings of files that hold a model, or a part of one. */
const endings = /\.(zip|safetensors|pt|pth|bin|onnx|keras|h5|hdf5|json)$/i
const needHdf5 = /\.(keras|h5|hdf5)$/i

/** What a file input offers. */
export const modelEndings = '.zip,.safetensors,.pt,.pth,.bin,.onnx,.json,.keras,.h5'

/** Whether some of the files are a model, and not texts. */
export const areModel = (files: readonly DroppedFile[]): boolean => files.some(({ name }) => endings.test(name))

const shortName = (name: string): string => name.replace(/^.*[/\\]/, '')

/** A model with the name that it is kept under. */
interface NamedModel extends LoadedModel {
  name: string
}

/** The files of a model of series, with the name that it is kept under. */
interface NamedForecaster {
  name: string
  series: SeriesFiles
}

/**
 * Reads a model from files: the zip of a model folder, the files of such a folder, or a model of another framework with its
 * vocabulary as JSON.
 * @throws FaultError for anything else
 */
export async function readModelFiles(files: readonly DroppedFile[]): Promise<NamedModel | NamedForecaster> {
  const byName = new Map(files.map(({ name, file }) => [shortName(name), file]))
  const main = mainOf([...byName.keys()])
  const folder = /([^/\\]+)[/\\][^/\\]*$/.exec(files[0].name)?.[1] ?? 'model'
  try {
    const series = await seriesFilesIn((name) => byName.get(name), folder)
    if (series) return { name: folder, series }
    if (['config.json', 'model.safetensors', 'vocab.json'].every((name) => byName.has(name))) {
      const bytes = async (name: string) => new Uint8Array(await byName.get(name)!.arrayBuffer())
      const [config, model, vocab] = await Promise.all(['config.json', 'model.safetensors', 'vocab.json'].map(bytes))
      const read = { 'config.json': config, 'model.safetensors': model, 'vocab.json': vocab }
      return { name: folder, ...(await decodeModel(read, folder)) }
    }
    const name = main.replace(endings, '')
    const vocabulary = [...byName].find(([other]) => other !== main && /\.json$/i.test(other))?.[1]
    if (!/\.zip$/i.test(main)) return { name, ...(await imported(main, (one) => byName.get(one), vocabulary)) }
    const find = await filesIn(byName.get(main)!)
    const zipped = await seriesFilesIn(find, main)
    if (zipped) return { name, series: zipped }
    if (find('model.json')) return { name, ...(await imported('model.json', find, vocabulary)) }
    return { name, ...(await loadModel(byName.get(main)!)) }
  } catch (error) {
    if (needHdf5.test(main)) throw new FaultError({ kind: 'keras', name: main })
    throw new FaultError(faultOf(error, main, 'notModel'))
  }
}

/** The file that names the others, if it needs any: not a vocabulary, nor weights beside a model.json. */
function mainOf(names: readonly string[]): string {
  const named = names.find((name) => /^model\.json$/i.test(name))
  return named ?? names.find((name) => endings.test(name) && !/\.json$/i.test(name)) ?? names[0]
}

/** Finds a file by its name. */
type Find = (name: string) => Blob | undefined

/** The files in a zip. */
async function filesIn(zip: File): Promise<Find> {
  const { unzipFiles } = await import('unrolled/formats')
  const bytes = new Uint8Array(await zip.arrayBuffer())
  return (name) => {
    const found = unzipFiles(bytes, zip.name, [name])[name]
    return found && new Blob([found as Uint8Array<ArrayBuffer>])
  }
}

/** The files of a model of series. @returns undefined if there is none among the files @throws FormatError if they are damaged */
async function seriesFilesIn(find: Find, where: string): Promise<SeriesFiles | undefined> {
  const [config, model] = [find('config.json'), find('model.safetensors')]
  if (!config || !model || !isOfSeries(await config.text())) return undefined
  const [bytes, parameters] = await Promise.all(
    [config, model].map(async (file) => new Uint8Array(await file.arrayBuffer())),
  )
  const series = { 'config.json': bytes, 'model.safetensors': parameters }
  await (await import('./series/opened')).checkForecaster(series, where)
  return series
}

/** Whether a configuration says that it is of a model of series. */
function isOfSeries(config: string): boolean {
  try {
    return Object(JSON.parse(config)).format === 'unrolled series'
  } catch {
    return false
  }
}

/** A model of another framework. */
async function imported(main: string, find: Find, vocabulary: File | undefined): Promise<LoadedModel> {
  const { importModel, parseTokenList, withVocab } = await import('unrolled/formats')
  const source = (file: Blob) => ({
    size: file.size,
    read: async (offset: number, length: number) =>
      new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
  })
  const found = await importModel({
    name: main,
    source: source(find(main)!),
    beside: async (name) => {
      const file = find(name)
      return file && source(file)
    },
  })
  const list = vocabulary ? parseTokenList(await vocabulary.text(), vocabulary.name) : found.vocab
  if (!list) throw new FaultError({ kind: 'noVocabulary', name: main })
  const { model, vocab, config } = withVocab(found, list, main)
  return { model, vocab, config: { ...config, training: { importedFrom: main, ...found.training } } }
}
