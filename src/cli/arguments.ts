import { InvalidArgumentError } from 'commander'

/** A number as given on the command line; its range is the library's to check. */
export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** A number, or `all` for no limit. */
export const numberOrAll = (text: string): number => (text === 'all' ? Infinity : number(text))
