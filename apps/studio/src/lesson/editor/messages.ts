/** A program's cells, in their order, of which one is looked at. */
export interface Question {
  program: string
  cells: readonly { name: string; code: string }[]
  cell: string
}

/** What the page asks the compiler; positions are in the cell. */
export type ToCompiler = { id: number } & (
  | ({ type: 'check' } & Question)
  | ({ type: 'complete'; at: number } & Question)
  | ({ type: 'explain'; at: number } & Question)
)

/** What the compiler says against a cell. */
export interface Problem {
  from: number
  to: number
  message: string
  /** The line of the cell. */
  line: number
}

/** A name that may stand at a position. */
export interface Completion {
  label: string
  /** TypeScript's word for what it is. */
  kind: string
}

/** What a name is, with its documentation. */
export interface Explanation {
  from: number
  to: number
  signature: string
  documentation: string
}

export interface Answers {
  check: Problem[]
  complete: Completion[]
  explain: Explanation | null
}
