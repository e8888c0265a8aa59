import { FormatError } from '../../core/errors.js'
import type { ForeignFile } from '../foreign.js'
import { type ByteSource, readExactly } from '../source.js'
import { decodeMessage, type ModelProto, modelMessage, type TensorProto } from './proto.js'
import { bytesIn, isExternal } from './tensor.js'

/** A model, and how many bytes it has with those of its weights that lay beside it. */
export interface WholeModel {
  proto: ModelProto
  bytes: number
}

/**
 * Decodes a model whose weights may be in files beside it, as PyTorch's newer exporter writes them by default. A tensor takes
 * as many bytes as its shape says, and all of them together no more than these files have.
 * @throws FormatError for a damaged file, and for a file beside it that is missing, too short, or not in the same folder
 */
export async function withExternalData(bytes: Uint8Array, { name: where, beside }: ForeignFile): Promise<WholeModel> {
  const proto = decodeMessage<ModelProto>(modelMessage, bytes, where)
  const tensors = proto.graph?.initializer?.filter(isExternal) ?? []
  if (tensors.length === 0 || !beside) return { proto, bytes: bytes.length }
  const files = new Map<string, ByteSource>()
  let [room, read] = [0, 0]
  for (const tensor of tensors) {
    const what = `${where}: ${tensor.name ?? ''}`
    const entries = new Map((tensor.externalData ?? []).map(({ key, value = '' }) => [key, value]))
    const location = entries.get('location') ?? ''
    const source = files.get(location) ?? (await beside(location))
    if (!source) {
      throw new FormatError(
        `${what} has its values in the file ${JSON.stringify(location)}, expected it beside this one; copy it there, or export the model again with external_data=False`,
      )
    }
    if (!files.has(location)) {
      files.set(location, source)
      room += source.size
    }
    const size = bytesIn(tensor, what)
    const offset = wholeOf(entries.get('offset') ?? '0')
    const length = wholeOf(entries.get('length') ?? String(size))
    read += size
    if (length !== size || !(offset + size <= source.size) || read > room) {
      throw new FormatError(
        `${what} has ${entries.get('length') ?? size} bytes from ${entries.get('offset') ?? 0} on in ${location} of ${source.size} bytes, expected ${size} for its shape, within the file, and in no other tensor`,
      )
    }
    tensor.rawData = await readExactly(source, offset, size, `${where}: ${location}`)
    inPlace(tensor)
  }
  return { proto, bytes: bytes.length + read }
}

const wholeOf = (text: string): number => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN)

/** Marks a tensor as one whose values are in it. */
function inPlace(tensor: TensorProto): void {
  delete tensor.externalData
  delete tensor.dataLocation
}
