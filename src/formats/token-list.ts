import { describe } from '../core/describe.js'
import { FormatError } from '../core/errors.js'
import { fromJson } from '../core/json.js'
import { type TokenKind, tokenKinds } from '../data/text.js'

/** The tokens of a vocabulary in the order of their numbers, and what they are if that is known. */
export interface TokenList {
  tokens: readonly string[]
  kind?: TokenKind
  /** Where the list comes from, such as a file's name, for messages. */
  where?: string
}

/**
 * Reads a vocabulary that another program wrote as JSON: an array of tokens in the order of their numbers, such as d2l's
 * `vocab.idx_to_token`; an object of tokens and their numbers, or of numbers and their tokens; or the vocab.json of a
 * saved model.
 * @param where the file's name, for messages
 * @throws FormatError for anything else, and for numbers that are not 0, 1, 2 and so on
 */
export function parseTokenList(json: string, where: string): TokenList {
  return tokenListOf(
    fromJson(json, () => refuse(where, 'the file is not JSON')),
    where,
  )
}

function refuse(where: string, problem: string): never {
  throw new FormatError(
    `${where}: ${problem}, expected a JSON array of tokens, or an object of tokens and their numbers`,
  )
}

/** The vocabulary in a value of JSON, as `parseTokenList` takes it. @throws FormatError */
export function tokenListOf(value: unknown, where: string): TokenList {
  const fail = (problem: string): never => refuse(where, problem)
  if (areStrings(value)) return { tokens: value }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('the file holds no tokens')
  const { tokens, kind } = value as { tokens?: unknown; kind?: unknown }
  const own = tokenKinds.find((name) => name === kind)
  if (own && areStrings(tokens)) return { tokens, kind: own }
  // Python's `itos` as JSON: the keys of objects are in the order of their numbers.
  const values = Object.values(value)
  if (values.length > 0 && areStrings(values) && Object.keys(value).every((key, i) => key === String(i))) {
    return { tokens: values }
  }
  const entries = Object.entries(value).sort(([, a], [, b]) => a - b)
  const wrong = entries.findIndex(([, number], i) => number !== i)
  if (wrong === -1) return { tokens: entries.map(([token]) => token) }
  const [token, number] = entries[wrong]
  return fail(
    `the number of ${JSON.stringify(token)} is ${typeof number === 'number' ? number : describe(number)} after ${wrong} others`,
  )
}

const areStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((token) => typeof token === 'string')
