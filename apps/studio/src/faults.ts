import { signal } from '@preact/signals'
import type { ErrorCode } from 'unrolled/config'
import type { Words } from './words/english'

/** What can go wrong, by the name of its sentence. */
export type FaultKind = keyof Words['faults']

/** Something that went wrong, to be said in the language of the page. */
export interface Fault {
  kind: FaultKind
  /** The file, the training or the model that it is about. */
  name?: string
  /** What the library says about it, in English. */
  detail?: string
}

/** A fault that the page finds itself. */
export class FaultError extends Error {
  constructor(readonly fault: Fault) {
    super(fault.kind)
  }
}

const kinds: Partial<Record<ErrorCode, FaultKind>> = {
  'no-room': 'noRoom',
  'in-use': 'inUse',
  'no-files': 'noFiles',
  'worker-ended': 'workerEnded',
  'empty-text': 'emptyText',
  'short-text': 'shortText',
  'not-text': 'notText',
}

/** Faults of a table, of which the library says in which row they are. */
const tableKinds: Partial<Record<ErrorCode, FaultKind>> = {
  'not-number': 'notNumber',
  'number-with-comma': 'numberWithComma',
  'not-time': 'notTime',
  gap: 'gap',
  'time-order': 'timeOrder',
  'time-twice': 'timeTwice',
  'time-grid': 'timeGrid',
}

/**
 * The fault that an error is.
 * @param otherwise the fault if the library's error has no code of its own
 */
export function faultOf(error: unknown, name?: string, otherwise: FaultKind = 'other'): Fault {
  if (error instanceof FaultError) return error.fault
  const { code, message, name: kind } = error as Error & { code?: ErrorCode }
  if (kind === 'ExplodedError' || kind === 'DivergenceError') return { kind: 'exploded', name }
  const known = code && kinds[code]
  return known ? { kind: known, name } : { kind: (code && tableKinds[code]) ?? otherwise, name, detail: message }
}

/** What went wrong with what the user asked for last, in any view. */
export const problem = signal<Fault | undefined>(undefined)

/**
 * Does what the user asked for, and keeps what goes wrong for the page to say.
 * @returns whether nothing went wrong
 */
export async function told(work: () => Promise<unknown>, name?: string, otherwise?: FaultKind): Promise<boolean> {
  problem.value = undefined
  try {
    await work()
    return true
  } catch (error) {
    problem.value = faultOf(error, name, otherwise)
    return false
  }
}
