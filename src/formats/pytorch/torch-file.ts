import { FormatError } from '../../core/errors.js'
import { isPickle } from '../file-kind.js'
import type { ForeignFile } from '../foreign.js'
import type { TensorValues } from '../safetensors.js'
import { type ByteSource, readExactly } from '../source.js'
import { openZipEntry, readZipEntries } from '../zip-entries.js'
import { type Fail, MOST_BYTES } from './pickle.js'
import { stateDictOf } from './state-dict-of.js'
import { readTensors } from './tensors.js'
import { readTorchPickle } from './torch-pickle.js'

/** The number that files of `torch.save` begin with that are no zips, as they were before PyTorch 1.6. */
const MAGIC = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]

const advice =
  'write it again in PyTorch with torch.save(model.state_dict(), …) or safetensors.torch.save_file(model.state_dict(), …)'

/**
 * Reads the tensors of a file that `torch.save` wrote: a state dict, or a checkpoint with one state dict in it. Nothing of
 * the file is run, and only values of the state dict are read.
 * @throws FormatError for a damaged or forged file, for other kinds of PyTorch's files, and for a whole module
 */
export async function readTorchFile({ name: where, source }: ForeignFile) {
  const fail: Fail = (problem) => {
    throw new FormatError(`${where}: ${problem}`)
  }
  const head = await readExactly(source, 0, Math.min(64, source.size), where)
  if (isPickle(head)) {
    // Users of PyTorch 1.4 and 1.5 have to ask for the form of today.
    const old = head.some((_, i) => MAGIC.every((byte, k) => head[i + k] === byte))
    fail(
      `it is ${old ? "in torch.save's form from before PyTorch 1.6 (now _use_new_zipfile_serialization=False)" : 'a pickle by itself'}, expected a zip; ${advice}`,
    )
  }
  const entries = await readZipEntries(source, where)
  const names = [...entries.keys()]
  const pickles = names.filter((name) => /^([^/]+\/)?data\.pkl$/.test(name))
  if (pickles.length !== 1) {
    if (
      names.some((name) => /(^|\/)vocab\.json$/.test(name)) &&
      names.some((name) => name.endsWith('model.safetensors'))
    ) {
      fail('the zip is a saved model of this library, which needs no import; unpack it, and its folder can be loaded')
    }
    const found = names.slice(0, 6).join(', ')
    return fail(`the zip has no data.pkl, as torch.save writes it, or several; it holds ${found || 'nothing'}`)
  }
  const folder = pickles[0].slice(0, -'data.pkl'.length)
  if (names.some((name) => name === `${folder}constants.pkl` || name.startsWith(`${folder}code/`))) {
    fail(`it is a TorchScript program (torch.jit.save), which is not run here; ${advice}`)
  }
  const open = async (name: string): Promise<ByteSource> => {
    const entry = entries.get(folder + name) ?? fail(`${folder}${name} is missing in the zip`)
    return openZipEntry(source, entry, where)
  }
  const small = async (name: string, most: number): Promise<Uint8Array> => {
    const file = await open(name)
    if (file.size > most) fail(`${folder}${name} has ${file.size} bytes, expected at most ${most}`)
    return readExactly(file, 0, file.size, where)
  }
  // Files from before PyTorch 2.1 do not have it.
  if (entries.has(`${folder}byteorder`) && new TextDecoder().decode(await small('byteorder', 16)) !== 'little') {
    fail(`its values are not in little-endian order; ${advice} on another machine`)
  }
  const root = readTorchPickle(await small('data.pkl', MOST_BYTES), fail)
  const { tensors, found } = stateDictOf(root, fail)
  const values = await readTensors(tensors, source.size, (key) => open(`data/${key}`), where)
  return { tensors: values as Readonly<Record<string, TensorValues>>, found }
}
