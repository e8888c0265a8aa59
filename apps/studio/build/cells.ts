/** A part of an example, which the lesson shows as a cell. */
export interface CellSource {
  name: string
  /** The name of the example, whose cells share their variables. */
  program: string
  code: string
}

const BEGIN = /^\/\/ %% ([\w-]+)$/
const INSTEAD = /^\/\/ %%= (.*)$/

/**
 * The cells of an example. A line `// %% name` begins a cell, `// %%= code` replaces the line above it, which only makes
 * sense for a program, such as one that reads its arguments. What is above the first cell belongs to the program alone.
 * @throws for two cells of one name, and for a replacement without a line above it
 */
export function cellsOf(program: string, text: string): CellSource[] {
  const cells: { name: string; lines: string[] }[] = []
  for (const line of text.split('\n')) {
    const name = BEGIN.exec(line)?.[1]
    const instead = INSTEAD.exec(line)?.[1]
    if (name !== undefined) {
      if (cells.some((cell) => cell.name === name)) throw new Error(`${program}: two cells are called ${name}`)
      cells.push({ name, lines: [] })
    } else if (instead !== undefined) {
      const lines = cells.at(-1)?.lines
      if (!lines?.length) throw new Error(`${program}: nothing is above ‘${line}’, expected the line that it replaces`)
      lines[lines.length - 1] = instead
    } else cells.at(-1)?.lines.push(line)
  }
  return cells.map(({ name, lines }) => ({ name, program, code: lines.join('\n').trim() }))
}
