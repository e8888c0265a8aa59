import sources from 'virtual:lesson-cells'
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Problem } from './editor/messages'
import { type CellName, outline } from './outline'
import type { Output } from './run/messages'

/** How far a cell is. */
export type State = 'fresh' | 'waiting' | 'running' | 'done' | 'failed' | 'stopped'

/** A cell of the lesson: its code as the reader has it, and what it put out. */
export interface Cell {
  readonly name: CellName
  readonly program: string
  /** The number that the reader sees. */
  readonly number: number
  readonly original: string
  readonly tokens: (typeof sources)[number]['tokens']
  readonly code: Signal<string>
  readonly edited: ReadonlySignal<boolean>
  readonly state: Signal<State>
  readonly outputs: Signal<readonly Output[]>
  /** What the compiler says against the code, once the editor is there. */
  readonly problems: Signal<readonly Problem[]>
  /** The code that was run last. */
  ran: string | undefined
}

const KEY = 'unrolled lesson'

/** Edits that the reader made before, by the names of cells. */
function keptEdits(): Record<string, string> {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return typeof kept === 'object' && kept !== null ? kept : {}
  } catch {
    return {}
  }
}

const kept = keptEdits()

/** @throws if no example has a cell of this name */
function sourceOf(name: CellName): (typeof sources)[number] {
  const source = sources.find((one) => one.name === name)
  if (!source) throw new Error(`the examples have no cell ${name}`)
  return source
}

/** All cells, in the order of the lesson. */
export const cells: readonly Cell[] = outline
  .flatMap(({ cells }): readonly CellName[] => cells)
  .map((name, i) => {
    const { program, tokens } = sourceOf(name)
    const original = tokens.map(([text]) => text).join('')
    const code = signal(typeof kept[name] === 'string' ? kept[name] : original)
    return {
      ...{ name, program, number: i + 1, original, tokens, code },
      edited: computed(() => code.value !== original),
      state: signal<State>('fresh'),
      outputs: signal<readonly Output[]>([]),
      problems: signal<readonly Problem[]>([]),
      ran: undefined,
    }
  })

const byName = new Map(cells.map((cell) => [cell.name, cell]))

/** The cell of a name in the outline. */
export const cellOf = (name: CellName): Cell => byName.get(name)!

/** The cells of a program, in their order. */
export const cellsOf = (program: string): Cell[] => cells.filter((cell) => cell.program === program)

/** Changes a cell's code, and keeps it across reloads. */
export function edit(cell: Cell, code: string): void {
  cell.code.value = code
  const edits = cells.filter((one) => one.edited.peek()).map((one) => [one.name, one.code.peek()])
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(edits)))
}
