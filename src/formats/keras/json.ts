import { FormatError } from '../../core/errors.js'
import { fromJson } from '../../core/json.js'
import { type ByteSource, readExactly } from '../source.js'

/** More than any configuration has; what is larger is not read. */
const MOST_BYTES = 2 ** 26

/** The object in a JSON file. @throws FormatError for anything else */
export async function readJson(source: ByteSource, where: string): Promise<Record<string, unknown>> {
  if (source.size > MOST_BYTES) {
    throw new FormatError(`${where}: it has ${source.size} bytes, expected at most ${MOST_BYTES} of JSON`)
  }
  return parseJson(new TextDecoder().decode(await readExactly(source, 0, source.size, where)), where)
}

/** @throws FormatError for anything but an object */
export function parseJson(text: string, where: string): Record<string, unknown> {
  const value = fromJson(text, () => {
    throw new FormatError(`${where}: it is not JSON, or was cut off`)
  })
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new FormatError(`${where}: it holds no JSON object, expected the configuration of a model`)
}
