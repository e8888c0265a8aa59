import { DataError, FormatError } from '../core/errors.js'
import { parsePlan, type SweepPlan } from '../run/sweep/plan.js'
import { readFile, stat } from './files.js'
import { checkPath } from './path-argument.js'

/** The largest file of a sweep that is read, in bytes. */
const MAX_BYTES = 2 ** 20

/**
 * Reads the plan of a sweep from a YAML file (JSON is YAML, too).
 * @throws DataError if there is no such file; FormatError that says which setting is wrong, and what was expected
 */
export async function readPlan(file: string): Promise<SweepPlan> {
  checkPath('readPlan', 'the file', file)
  const info = await stat(file).catch(() => undefined)
  if (!info) throw new DataError(`${file}: there is no such file, expected a YAML file that describes a sweep`)
  if (!info.isFile()) throw new DataError(`${file}: it is not a file, expected a YAML file that describes a sweep`)
  if (info.size > MAX_BYTES) {
    throw new FormatError(`${file}: it has ${info.size} bytes, expected at most ${MAX_BYTES} for a sweep`)
  }
  const { parse } = await import('./yaml-library.js')
  let value: unknown
  try {
    value = parse(await readFile(file, 'utf8'), { prettyErrors: true, logLevel: 'error', maxAliasCount: 100 })
  } catch (error) {
    const [reason] = (error as Error).message.split('\n')
    if ((error as { code?: string }).code === 'MULTIPLE_DOCS') {
      throw new FormatError(`${file}: it holds several documents of YAML, separated by ---, expected one`)
    }
    throw new FormatError(`${file}: it is not YAML: ${reason.replace(/:$/, '')}`)
  }
  return parsePlan(value, file)
}
