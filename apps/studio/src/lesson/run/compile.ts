import { type Node, parse } from 'acorn'
import { transform } from 'sucrase'

/** A cell that is not JavaScript or TypeScript. */
export class CellSyntaxError extends Error {
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message)
    this.name = 'SyntaxError'
  }
}

/** A cell as a script. */
export interface Compiled {
  /**
   * An expression: a function of the program's variables, and of functions that stop the cell, show its last value, and
   * import. It has the lines of the cell.
   */
  script: string
  /** The variables that the cell declares. */
  names: string[]
}

// biome-ignore lint/suspicious/noExplicitAny: the nodes of a syntax tree are looked into by their types
type Tree = Node & Record<string, any>

/**
 * Compiles a cell. What it declares at its top level becomes variables of the program that later cells see; nothing else
 * is changed, except that statements and loops look whether the cell was stopped.
 */
export function compile(code: string): Compiled {
  const body = parsed(stripped(code))
  const edits = new Edits(body.text)
  const names: string[] = []
  const hoisted: string[] = []
  for (const statement of body.statements) {
    const inner = exported(statement, edits)
    declare(inner, edits, names, hoisted)
    stopLoops(inner, edits)
  }
  const last = body.statements.at(-1)
  if (last?.type === 'ExpressionStatement' && tellsValue(last.expression)) {
    edits.insert(last.expression.start, '__show(')
    edits.insert(last.expression.end, ')')
  }
  const functions = hoisted.map((name) => `__scope.${name} = ${name};`).join(' ')
  const script = `(function (__scope, __stop, __show, __import) { with (__scope) { return (async () => { 'use strict'; ${functions} ${edits.apply()}\n})() } })`
  return { script, names: [...names, ...hoisted] }
}

/** The code without types, in the same lines. */
function stripped(code: string): string {
  try {
    // Later cells need imports that this one does not use.
    const options = { transforms: ['typescript' as const], disableESTransforms: true, keepUnusedImports: true }
    return transform(code, options).code
  } catch (error) {
    throw syntaxError(error as Error)
  }
}

function parsed(text: string): { text: string; statements: Tree[] } {
  try {
    const program = parse(text, { ecmaVersion: 'latest', sourceType: 'module' })
    return { text, statements: program.body as Tree[] }
  } catch (error) {
    throw syntaxError(error as Error)
  }
}

/** Both parsers name the place at the end of their messages. */
function syntaxError({ message }: Error): CellSyntaxError {
  const line = Number(/\((\d+):\d+\)/.exec(message)?.[1] ?? 1)
  return new CellSyntaxError(message.replace(/^Error transforming \S+: /, '').replace(/ ?\(\d+:\d+\)/, ''), line)
}

/** What a statement exports, without the word. */
function exported(statement: Tree, edits: Edits): Tree {
  if (statement.type !== 'ExportNamedDeclaration' || !statement.declaration) return statement
  edits.remove(statement.start, statement.declaration.start)
  return statement.declaration
}

/** Makes what a statement of the top level declares variables of the program. */
function declare(statement: Tree, edits: Edits, names: string[], hoisted: string[]): void {
  const { type, start, end } = statement
  if (type === 'FunctionDeclaration') {
    hoisted.push(statement.id.name)
    return
  }
  edits.insert(start, '__stop(); ')
  if (type === 'ClassDeclaration') {
    names.push(statement.id.name)
    edits.insert(start, `${statement.id.name} = `)
    edits.insert(end, ';')
  } else if (type === 'VariableDeclaration') {
    const { declarations } = statement
    edits.remove(start, declarations[0].start)
    edits.insert(declarations[0].start, '(')
    for (const { id, init } of declarations) {
      names.push(...namesIn(id))
      if (!init) edits.insert(id.end, ' = undefined')
    }
    edits.insert(declarations.at(-1).end, ')')
  } else if (type === 'ImportDeclaration') {
    const imported = importOf(statement)
    names.push(...statement.specifiers.map(({ local }: Tree) => local.name))
    edits.replace(start, end, imported)
  } else if (type.startsWith('Export')) {
    throw new CellSyntaxError('a cell exports nothing; later cells see all that it declares', 1)
  }
}

/** An import as an assignment. */
function importOf({ specifiers, source }: Tree): string {
  const name = JSON.stringify(source.value)
  const all = specifiers.find(({ type }: Tree) => type === 'ImportNamespaceSpecifier')
  if (all) return `(${all.local.name} = __import(${name}, []));`
  const wanted = specifiers.map(({ imported }: Tree) => imported?.name ?? 'default')
  const pairs = specifiers.map(({ local }: Tree, i: number) => `${wanted[i]}: ${local.name}`)
  return `({ ${pairs.join(', ')} } = __import(${name}, ${JSON.stringify(wanted)}));`
}

/** The names that a pattern binds. */
function namesIn(pattern: Tree | null): string[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern.name]
    case 'ObjectPattern':
      return pattern.properties.flatMap((property: Tree) => namesIn(property.value ?? property.argument))
    case 'ArrayPattern':
      return pattern.elements.flatMap(namesIn)
    case 'AssignmentPattern':
      return namesIn(pattern.left)
    case 'RestElement':
      return namesIn(pattern.argument)
    default:
      return []
  }
}

/** Lets each turn of each loop look whether the cell was stopped. */
function stopLoops(tree: Tree, edits: Edits): void {
  if (/^(For|While|DoWhile|ForIn|ForOf)Statement$/.test(tree.type)) {
    const { type, start, end } = tree.body
    if (type === 'BlockStatement') edits.insert(start + 1, ' __stop();')
    else {
      edits.insert(start, '{ __stop(); ')
      edits.insert(end, ' }')
    }
  }
  for (const value of Object.values(tree)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isTree(child)) stopLoops(child, edits)
  }
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && typeof (value as Tree).type === 'string'

/** Whether a cell that ends with an expression shows its value: what is awaited or assigned is done for its effect. */
const tellsValue = ({ type }: Tree): boolean =>
  !['AwaitExpression', 'AssignmentExpression', 'UpdateExpression'].includes(type)

/** Changes of a text, by places in the original. */
class Edits {
  readonly #edits: { from: number; to: number; text: string }[] = []
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text)
  }

  remove(from: number, to: number): void {
    this.replace(from, to, '')
  }

  /** The lines stay as they are. */
  replace(from: number, to: number, text: string): void {
    const lines = this.#text.slice(from, to).replace(/[^\n]/g, '')
    this.#edits.push({ from, to, text: text + lines })
  }

  apply(): string {
    let [made, at] = ['', 0]
    for (const { from, to, text } of this.#edits.sort((a, b) => a.from - b.from)) {
      made += this.#text.slice(at, from) + text
      at = Math.max(at, to)
    }
    return made + this.#text.slice(at)
  }
}
