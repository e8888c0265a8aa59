/**
 * What a value is, in words for a message: `undefined`, `the number 3`, `the string 'a'`, `an array`, `a Float64Array`.
 * Classes are named only if they say their names themselves, as modules do, because minified names say nothing.
 */
export function describe(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return `the number ${value}`
  if (typeof value === 'bigint') return `the BigInt ${value}`
  if (typeof value === 'string') return `the string '${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  const name = /^(Array|Object|Function|Symbol)$/.test(kind) ? kind.toLowerCase() : kind
  return `${/^([AEIO]|[LR][A-Z])/.test(kind) ? 'an' : 'a'} ${name}`
}

/** Under this name Node, Bun and Deno look for what their consoles show. */
export const inspected: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never
