/** Under this name the library's values tell what consoles show of them. */
const inspected = Symbol.for('nodejs.util.inspect.custom')

/** The items of a list, and the levels of objects within objects, that are shown. */
const [MOST, DEEPEST] = [100, 2]

/** What the console shows of its arguments. */
export const logged = (values: readonly unknown[]): string =>
  values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ')

/** A value as text. */
export function inspect(value: unknown, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return nameOf(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (inspected in value) return String((value as Record<symbol, () => unknown>)[inspected]())
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Date || value instanceof RegExp) return String(value)
  if (value instanceof Promise) return 'Promise (await it to see its value)'
  const deep = depth >= DEEPEST
  if (Array.isArray(value)) return deep ? `[… ${value.length}]` : list('[', value, ']', depth)
  if (ArrayBuffer.isView(value) && 'length' in value) {
    return `${value.constructor.name}(${value.length}) ${list('[', value as unknown as unknown[], ']', depth)}`
  }
  if (value instanceof Map) {
    const pairs = [...value].map(([key, one]) => `${inspect(key, depth + 1)} => ${inspect(one, depth + 1)}`)
    return `Map(${value.size}) ${joined('{', pairs, '}')}`
  }
  if (value instanceof Set) return `Set(${value.size}) ${list('{', [...value], '}', depth)}`
  if (deep) return '{…}'
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${inspect(one, depth + 1)}`)
  return joined('{', entries, '}')
}

const nameOf = (value: { name: string }): string => {
  const kind = /^class\b/.test(String(value)) ? 'class' : 'function'
  return value.name ? `[${kind} ${value.name}]` : `[${kind}]`
}

function list(open: string, values: ArrayLike<unknown>, close: string, depth: number): string {
  const shown = Array.from({ length: Math.min(values.length, MOST) }, (_, i) => inspect(values[i], depth + 1))
  if (values.length > MOST) shown.push(`… ${values.length - MOST} more`)
  return joined(open, shown, close)
}

/** In one line if it is short, or else a line for each. */
function joined(open: string, parts: readonly string[], close: string): string {
  if (parts.length === 0) return open + close
  const line = parts.join(', ')
  if (line.length <= 76 && !line.includes('\n')) return open === '{' ? `{ ${line} }` : open + line + close
  // Numbers fill lines; anything else is easier to read one below the other.
  if (parts.every((part) => part.length < 14)) return `${open}${line}${close}`
  return `${open}\n${parts.map((part) => `  ${part.replaceAll('\n', '\n  ')}`).join(',\n')}\n${close}`
}
