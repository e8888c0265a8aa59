import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { isRefusal, UnrolledError } from '../config.js'
import { calibrateCommand } from './calibrate.js'
import { dataCommand } from './data.js'
import { evalCommand } from './eval.js'
import { exportCommand } from './export.js'
import { forecastCommand } from './forecast.js'
import { generateCommand } from './generate.js'
import { importCommand } from './import.js'
import { infoCommand } from './info.js'
import { labelCommand } from './label.js'
import { plotCommand } from './plot.js'
import { sentenceOf } from './sentence.js'
import { studioCommand } from './studio.js'
import { sweepCommand } from './sweep.js'
import { bookCommand, trainCommand } from './train.js'

/**
 * Runs the command.
 * @param args the arguments, without the names of Node and of the command
 * @returns the exit code: 0 for success, 2 for errors that the user can fix, 3 for a training that exploded or diverged, or a
 *   sweep all of whose trainings did, 1 for bugs
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  let running: Command | undefined
  try {
    const all = program().hook('preAction', (_, command) => {
      running = command
    })
    await all.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    return exitCode(error instanceof UnrolledError && running ? await inItsWords(error, running, args) : error)
  }
}

function program(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const program = new Command('unrolled')
    .description('Train and sample recurrent networks: RNN, GRU and LSTM, in WebAssembly.')
    .version(version)
    .addCommand(bookCommand())
    .addCommand(trainCommand())
    .addCommand(generateCommand())
    .addCommand(evalCommand())
    .addCommand(forecastCommand())
    .addCommand(labelCommand())
    .addCommand(calibrateCommand())
    .addCommand(dataCommand())
    .addCommand(infoCommand())
    .addCommand(plotCommand())
    .addCommand(sweepCommand())
    .addCommand(importCommand())
    .addCommand(exportCommand())
    .addCommand(studioCommand())
    .addHelpText(
      'after',
      `
Examples:
  unrolled book                                   the book's model on The Time Machine
  unrolled train novel.txt --cell lstm --out novel
  unrolled generate novel --prefix "once upon" --length 200 --temperature 0.8
  unrolled eval novel another.txt
  unrolled plot runs/*
  unrolled train weather.csv --target temp_max --horizon 7 --out weather
  unrolled forecast weather weather.csv --steps 30
  unrolled train reviews.csv --text-column review --label-column stars --tokens word --out reviews
  unrolled label reviews new.csv
  unrolled sweep sweep.yaml
  unrolled info novel
  unrolled export novel --out novel.safetensors
  unrolled studio`,
    )
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError('(add --help to see all options)')
  }
  return program
}

/** The exit code of a training whose loss is huge, or no number. */
const EXPLODED = 3

/** The error with a message that names the command and its flags, as the user called them. */
async function inItsWords(error: UnrolledError, command: Command, args: readonly string[]): Promise<UnrolledError> {
  const functions = new Set([await import('../node.js'), await import('../formats.js')].flatMap(Object.keys))
  error.message = sentenceOf(error, command, functions, args)
  return error
}

/** 0 for help, 2 for errors that the user can fix, 3 for a training that exploded or diverged, 1 for bugs. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  // Ctrl-C came before there was anything to save; the interrupt has already set the exit code.
  if (error instanceof Error && error.name === 'AbortError' && process.exitCode) return Number(process.exitCode)
  console.error(`error: ${sentence(error instanceof Error ? error.message : String(error))}`)
  if (error instanceof UnrolledError && ['ExplodedError', 'DivergenceError'].includes(error.name)) return EXPLODED
  if (error instanceof UnrolledError || isRefusal(error)) return 2
  console.error('This is a bug in unrolled; please report it with the command you gave.')
  return 1
}

/** Removes control characters from a message and shortens it, because it may quote a forged file. */
const sentence = (message: string): string => {
  const line = message.replace(/\p{Cc}+/gu, ' ')
  return line.length > 1000 ? `${line.slice(0, 1000)}…` : line
}
