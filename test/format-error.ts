import { expect } from 'vitest'
import { FormatError } from '../src/core/errors.js'

/** The one sentence of the FormatError that work ends with. */
export async function formatError(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(FormatError)
  expect((error as Error).message).not.toContain('\n')
  return (error as Error).message
}
