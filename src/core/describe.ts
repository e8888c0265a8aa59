/**
 * What a value is, in words for a message: `undefined`, `the number 3`, `the string 'a'`, `an array`, `a Float64Array`.
 * Classes are named only if they say their names themselves, as modules do, because minified names say nothing.
 */
export function describe(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return `the number ${value}`
  if (typeof value === 'bigint') return `the BigInt ${value}`
  if (typeof value === 'string') return `the string '${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (Array.isArray(value)) return 'an array'
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (kind === 'Object' || kind === 'Function' || kind === 'Symbol')
    return `a${kind === 'Object' ? 'n' : ''} ${kind.toLowerCase()}`
  if (kind === 'Promise') return 'a Promise, which has to be awaited'
  return `${/^([AEIO]|[LR][A-Z])/.test(kind) ? 'an' : 'a'} ${kind}`
}

/** Under this name Node, Bun and Deno look for what their consoles show. */
export const inspected: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never
