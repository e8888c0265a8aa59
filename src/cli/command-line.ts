import { type Command, InvalidArgumentError, type Option } from 'commander'

/** Parses a number from the command line; the library checks its range. */
export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** Parses a number, or `all` for no limit. */
export const numberOrAll = (text: string): number => (text === 'all' ? Infinity : number(text))

/** The default values of options. */
export const defaultsOf = (options: readonly Option[]): Record<string, unknown> =>
  Object.fromEntries(options.map((option) => [option.attributeName(), option.defaultValue]))

/** Names of the options that are given on the command line. */
export const saidOf = (command: Command): string[] =>
  Object.keys(command.opts()).filter((name) => command.getOptionValueSource(name) === 'cli')

export function withOptions(command: Command, options: Option[]): Command {
  for (const option of options) command.addOption(option)
  return command
}
