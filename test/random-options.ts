import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect } from 'vitest'
import { trainingOptions } from '../src/cli/training-flags.js'
import * as library from '../src/node.js'
import { run } from './run-command.js'

/** The folder is in memory if possible, because thousands of checkpoints are flushed. */
export const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'unrolled-options-'))
export const at = (name: string) => path.join(folder, name)

/** One kind of work of the command, and what it may be given. */
export interface Work {
  name: string
  /** What comes before the options, and files that are written first. */
  given: fc.Arbitrary<Given>
  /** Options that come before those that are drawn, and make the work small. */
  fixed: readonly string[]
  options: Record<string, fc.Arbitrary<string | number | boolean>>
  /** Options that are left out more often, because they end most work. */
  rare?: readonly string[]
  /** The options that say where results go. @param to a path for each run */
  out?: (to: string) => string[]
  /** The files that success leaves, beside `to`. */
  made?: readonly string[]
}

export interface Given {
  words: readonly string[]
  files?: Readonly<Record<string, string>>
}

/** Draws a good value most of the time, or else an odd one. */
export const value = (good: (string | number)[], odd: (string | number)[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: fc.constantFrom(...odd) })

/** What no option that expects a number takes. */
export const wrong = ['0', '-1', '1.5', 'NaN', 'Infinity', '', 'many', '1e400', '-0']

/**
 * Ends the process with a message if it hears nothing for ten minutes: work that hangs blocks all timers of its own thread,
 * including those of vitest.
 */
const watch = `
  const { writeSync } = require('node:fs')
  let timer
  require('node:worker_threads').parentPort.on('message', (said) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      writeSync(2, 'unrolled hangs: ' + said + '\\n')
      process.kill(process.pid, 'SIGKILL')
    }, 600_000)
  })`

/** Names in the library that users of the command need not know. */
const libraryWords = new RegExp(
  `^error: (?!(?:train|forecast|eval|generate)\\b)(${Object.keys(library).join('|')})\\b|\\b(${trainingOptions()
    .map((option) => option.attributeName())
    .filter((name) => /[A-Z]/.test(name))
    .join('|')})\\b`,
)

/** What no line of a result may hold. */
const worthless = /\b(NaN|undefined|-?Infinity)\b|\[object/

/**
 * Runs the command with random combinations of options: each does its work, or says in one sentence why it does not.
 * @returns how many did their work
 */
export async function tryCombinations(work: Work, runs: number): Promise<number> {
  const { given, fixed, options, rare = [], out = () => [], made = [] } = work
  const some = fc.record(
    Object.fromEntries(
      Object.entries(options).map(([name, arbitrary]) => [
        name,
        fc.oneof({ weight: rare.includes(name) ? 15 : 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary }),
      ]),
    ),
  )
  let done = 0
  const watcher = new Worker(watch, { eval: true })
  await fc.assert(
    fc.asyncProperty(given, some, async ({ words, files = {} }, chosen) => {
      const here = mkdtempSync(at('run-'))
      const to = path.join(here, 'out')
      for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text)
      const args = [...fixed]
      for (const [name, given] of Object.entries(chosen)) {
        if (given === true) args.push(name)
        else if (given !== undefined && given !== false) args.push(`${name}=${given}`)
      }
      const ran = () => {
        watcher.postMessage(args.join(' '))
        return run([...words, ...args, ...out(to)])
      }
      let { code, stdout, stderr } = await ran()
      // Few combinations work as they are drawn: an option that has no effect is left out, as the refusal advises.
      for (;;) {
        const advice = /; add that, or leave (?<flag>--[a-z-]+) out\n|: (?<only>--[a-z-]+) .*; leave it out\n/.exec(
          stderr,
        )
        const flag = advice?.groups?.flag ?? advice?.groups?.only
        const place = args.findLastIndex((word) => flag !== undefined && (word === flag || word.startsWith(`${flag}=`)))
        if (code === 0 || place < 0) break
        args.splice(place, 1)
        ;({ code, stdout, stderr } = await ran())
      }
      const said = `${[...words, ...args].join(' ')}\n${stdout}\n${stderr}`
      if (code === 0) {
        done++
        for (const name of made) expect(existsSync(path.join(here, name)), said).toBe(true)
        expect(stdout + stderr, said).not.toMatch(worthless)
        for (const name of made.filter((name) => /\.(csv|svg)$/.test(name))) {
          expect(readFileSync(path.join(here, name), 'utf8'), said).not.toMatch(worthless)
        }
      } else {
        // A worthless model is not bad input: it has its own exit code.
        expect(code, said).toBe(
          / exploded: the (held-out )?loss |: every training exploded; | became (NaN|-?Infinity) at step /.test(stderr)
            ? 3
            : 2,
        )
        const errors = stderr.split('\n').filter((one) => one.startsWith('error: '))
        expect(errors, said).toHaveLength(1)
        expect(errors[0].length, said).toBeGreaterThan(20)
        expect(errors[0], said).not.toMatch(libraryWords)
        expect(stderr, said).not.toMatch(/bug in unrolled|\n {4}at /)
      }
      rmSync(here, { recursive: true, force: true })
    }),
    { numRuns: runs },
  )
  await watcher.terminate()
  return done
}
