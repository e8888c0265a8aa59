/**
 * Elementwise loops of assembly/ go vector by vector, as their equations do. For an engine that merges two vectors into one
 * of 256 bits, this turns them into loops over two at a time (unroll and jam): all values are loaded before any is stored,
 * because a store between two loads keeps the engine from merging them. A last single vector goes through the loop as it was.
 */

/** A loop over `length` values in vectors of 16 bytes, with one statement or with several in braces, one on each line. */
const LOOP =
  /^( *)for \(const end = (\w+) \+ bytes\(length\); \2 < end; ((?:\w+ \+= 16,? ?)+)\) (?:\{\n([\s\S]*?)\n\1\}|(.*))$/gm

/**
 * The source of a file with every such loop preceded by one over pairs.
 * @param {string} source
 * @returns {string}
 */
export function paired(source) {
  return source.replace(LOOP, (_, indent, first, steps, block, single) => {
    const body = (block ?? single).split('\n').map((line) => line.trim())
    const lines = [`const end = ${first} + bytes(length);`]
    lines.push(`for (; ${first} + 16 < end; ${steps.replaceAll('+= 16', '+= 32')}) {`)
    lines.push(...jammed(body).map((line) => `  ${line}`), '}')
    lines.push(`for (; ${first} < end; ${steps}) {`, ...body.map((line) => `  ${line}`), '}')
    return lines.map((line) => indent + line).join('\n')
  })
}

/** The statements of two iterations as one. */
function jammed(body) {
  const names = new Set()
  const [values, stores] = [[], []]
  const define = (name, value) => {
    values.push(`const ${name} = ${value}, ${name}Next = ${next(value, names)};`)
    names.add(name)
  }
  for (const [i, statement] of body.entries()) {
    const [, name, value] = /^const (\w+) = (.*);$/.exec(statement) ?? []
    const [, address, stored] = /^v128\.store\(([^,]*), (.*)\);$/.exec(statement) ?? []
    if (name) define(name, value)
    else if (address) {
      define(`stored${i}`, stored)
      stores.push(`v128.store(${address}, stored${i}); v128.store(${address} + 16, stored${i}Next);`)
    } else throw new Error(`scripts/pairs.mjs: expected a constant or a store, one on each line, not ${statement}`)
  }
  return [...values, ...stores]
}

/** An expression for the vector after this one: its own constants, and what lies 16 bytes further. */
function next(value, names) {
  const renamed = value.replace(/\b\w+\b/g, (word) => (names.has(word) ? `${word}Next` : word))
  return renamed.replace(/v128\.load\(([^()]*)\)/g, 'v128.load($1 + 16)')
}
