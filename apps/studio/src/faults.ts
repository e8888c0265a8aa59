import { signal } from '@preact/signals'
import type { ErrorCode, ErrorFacts, UnrolledError } from 'unrolled/config'
import type { Words } from './words/english'

/** What can go wrong, by the name of its sentence. */
export type FaultKind = keyof Words['faults']

/** Something that went wrong, to be said in the language of the page. */
export interface Fault {
  kind: FaultKind
  /** The file, the training or the model that it is about. */
  name?: string
  /** What the library tells of it, such as the row of a table. */
  facts?: ErrorFacts
  /** What the library says about it, in English, if that has no sentence of its own in the page. */
  detail?: string
}

/** A fault that the page finds itself. */
export class FaultError extends Error {
  constructor(readonly fault: Fault) {
    super(fault.kind)
  }
}

/** The name of the sentence of a code of the library's: noRoom of no-room. */
const kindOf = (code: ErrorCode) => code.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as FaultKind

/**
 * The fault that an error is.
 * @param otherwise the fault if the library's error has no code of its own
 */
export function faultOf(error: unknown, name?: string, otherwise: FaultKind = 'other'): Fault {
  if (error instanceof FaultError) return error.fault
  const { code, facts, message, name: kind } = error as UnrolledError
  if (kind === 'ExplodedError' || kind === 'DivergenceError') return { kind: 'exploded', name }
  // Errors of the browser have numbers.
  return typeof code === 'string' ? { kind: kindOf(code), name, facts } : { kind: otherwise, name, detail: message }
}

/** What went wrong with what the user asked for last, in any view. */
export const problem = signal<Fault | undefined>(undefined)

/**
 * Does what the user asked for, and keeps what goes wrong for the page to say. What went wrong before is not said any more.
 * @returns whether nothing went wrong
 */
export function told(work: () => Promise<unknown>, name?: string, otherwise?: FaultKind): Promise<boolean> {
  problem.value = undefined
  return lookedUp(work, name, otherwise)
}

/**
 * Looks up what a view shows, and keeps what goes wrong for the page to say. Nobody asked for it, so what went wrong with what
 * the user did ask for is still said.
 * @returns whether nothing went wrong
 */
export async function lookedUp(work: () => Promise<unknown>, name?: string, otherwise?: FaultKind): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    problem.value = faultOf(error, name, otherwise)
    return false
  }
}
