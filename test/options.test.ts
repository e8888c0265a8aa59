import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { trainingOptions } from '../src/cli/training-flags.js'
import * as library from '../src/node.js'
import { run } from './run-command.js'

// With any options, a training either trains or says in one sentence why it does not.

// The folder is in memory if possible, because thousands of checkpoints are flushed.
const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'unrolled-options-'))
const at = (name: string) => path.join(folder, name)
/** `npm test` tries some, and UNROLLED_RUNS any number. */
const RUNS = Number(process.env.UNROLLED_RUNS ?? 150)

beforeAll(async () => {
  vi.stubEnv('UNROLLED_CACHE', at('cache'))
  vi.stubEnv('NO_COLOR', '1')
  writeFileSync(at('fox.txt'), 'The quick brown fox jumps over the lazy dog. '.repeat(6))
  writeFileSync(at('kana.txt'), 'いろはにほへと ちりぬるを é\n'.repeat(12))
  writeFileSync(at('empty.txt'), '')
  const base = ['--hidden-size', '4', '--batch-size', '2', '--num-steps', '4', '--epochs', '1', '--threads', '1']
  const { code } = await run(['train', at('fox.txt'), ...base, '--out', at('base')])
  expect(code).toBe(0)
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/**
 * Ends the process with a message if it hears nothing for ten minutes: a training that hangs blocks all timers of its
 * own thread, including those of vitest.
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

/** Draws a good value most of the time, or else an odd one. */
const value = (good: (string | number)[], odd: (string | number)[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: fc.constantFrom(...odd) })

const wrong = ['0', '-1', '1.5', 'NaN', 'Infinity', '', 'many', '1e400', '-0']
const options: Record<string, fc.Arbitrary<string | number | boolean>> = {
  '--cell': value(['rnn', 'gru', 'lstm', 'mingru', 'minlstm'], ['conv', '']),
  '--nonlinearity': value(['tanh', 'relu'], ['sin']),
  '--num-layers': value([1, 2], wrong),
  '--proj-size': value([2], wrong),
  '--peepholes': fc.boolean(),
  '--dropout': value([0, 0.3, 1], wrong),
  '--input-dropout': value([0, 0.2], wrong),
  '--output-dropout': value([0, 0.5], wrong),
  '--weight-dropout': value([0, 0.3], wrong),
  '--variational': fc.boolean(),
  '--embedding-size': value([3, 4], wrong),
  '--tie-weights': fc.boolean(),
  '--layer-norm': fc.boolean(),
  '--bidirectional': fc.boolean(),
  '--sampling': value(['sequential', 'random'], ['both']),
  '--max-tokens': value([60, 100, 'all'], wrong),
  '--tokens': value(['char', 'byte', 'word'], ['line']),
  '--no-clean': fc.boolean(),
  '--clean': fc.boolean(),
  '--encoding': value(['utf-8', 'latin1'], ['latin-13', '']),
  '--validation': value([0, 0.2, 0.3], [...wrong, 0.001, 0.9]),
  '--test': value([0, 0.1], [...wrong, 0.7]),
  '--optimizer': value(['sgd', 'adam', 'adamw', 'rmsprop'], ['lion']),
  '--lr': value([0.1, 0.01, 0, 1000], [...wrong, 1e30]),
  '--momentum': value([0, 0.9, 3], wrong),
  '--nesterov': fc.boolean(),
  '--weight-decay': value([0, 0.01, 10], wrong),
  '--clip': value([1, 0.1, 'all'], wrong),
  '--clip-value': value([1, 0.1, 'all'], wrong),
  '--accumulate': value([1, 2, 50], wrong),
  '--schedule': value(['constant', 'step', 'cosine', 'plateau'], ['random']),
  '--warmup': value([0, 2], [...wrong, 100000]),
  '--decay-every': value([1, 3], wrong),
  '--decay': value([0.5, 0.9], [...wrong, 2]),
  '--plateau-patience': value([0, 2], wrong),
  '--min-lr': value([0, 0.001], wrong),
  '--validate-every': value([1, 3], wrong),
  '--patience': value([1, 3, 'all'], wrong),
  '--seed': value([0, 7, 2 ** 40], wrong),
  '--checkpoint-steps': value([1, 2, 'all'], wrong),
  '--checkpoint-minutes': value([1, 'all'], wrong),
  '--tensorboard': fc.boolean(),
  '--json': fc.boolean(),
  '--kernels': value(['auto'], ['cuda']),
  '--init-from': value([at('base')], [at('nothing'), at('fox.txt')]),
  '--extend-vocab': fc.boolean(),
  '--resume': value([at('base')], [at('nothing'), at('fox.txt'), '']),
}

/** Names in the library that users of the command need not know. */
const libraryWords = new RegExp(
  `^error: (?!train\\b)(${Object.keys(library).join('|')})\\b|\\b(${trainingOptions()
    .map((option) => option.attributeName())
    .filter((name) => /[A-Z]/.test(name))
    .join('|')})\\b`,
)

/** Most options are left out; these are left out more often, because they end most trainings. */
const rare = new Set(['--init-from', '--extend-vocab', '--resume', '--bidirectional'])
const some = fc.record(
  Object.fromEntries(
    Object.entries(options).map(([name, arbitrary]) => [
      name,
      fc.oneof({ weight: rare.has(name) ? 15 : 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary }),
    ]),
  ),
)
const texts = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(['fox.txt'], ['kana.txt'], ['fox.txt', 'kana.txt']) },
  { weight: 1, arbitrary: fc.constantFrom(['empty.txt'], ['none.txt'], ['*.md']) },
)

test(`${RUNS} random combinations of options: each trains, or ends in one clear sentence`, async () => {
  let trained = 0
  let number = 0
  const watcher = new Worker(watch, { eval: true })
  await fc.assert(
    fc.asyncProperty(texts, some, async (names, chosen) => {
      const out = at(`run-${number++}`)
      const args = ['--hidden-size', '4', '--batch-size', '2', '--num-steps', '5', '--epochs', '2', '--threads', '1']
      for (const [name, given] of Object.entries(chosen)) {
        if (given === true) args.push(name)
        else if (given !== undefined && given !== false) args.push(`${name}=${given}`)
      }
      const ran = () => {
        watcher.postMessage(args.join(' '))
        return run(['train', ...names.map(at), ...args, '--out', out])
      }
      let { code, stdout, stderr } = await ran()
      // Few combinations train as they are drawn: an option that has no effect is left out, as the refusal advises.
      for (;;) {
        const [, flag] = /; add that, or leave (--[a-z-]+) out\n/.exec(stderr) ?? []
        const place = args.findLastIndex((word) => flag !== undefined && (word === flag || word.startsWith(`${flag}=`)))
        if (code === 0 || place < 0) break
        args.splice(place, 1)
        ;({ code, stdout, stderr } = await ran())
      }
      const said = `${args.join(' ')}\n${stdout}\n${stderr}`
      if (code === 0) {
        trained++
        expect(existsSync(path.join(out, 'model.safetensors')), said).toBe(true)
        expect(stdout + stderr, said).not.toMatch(/NaN|undefined|\[object/)
      } else {
        // A worthless model is not bad input: it has its own exit code.
        expect(code, said).toBe(/ exploded: the loss is /.test(stderr) ? 3 : 2)
        const errors = stderr.split('\n').filter((one) => one.startsWith('error: '))
        expect(errors, said).toHaveLength(1)
        expect(errors[0].length, said).toBeGreaterThan(20)
        expect(errors[0], said).not.toMatch(libraryWords)
        expect(stderr, said).not.toMatch(/bug in unrolled|\n {4}at /)
      }
      rmSync(out, { recursive: true, force: true })
    }),
    { numRuns: RUNS },
  )
  await watcher.terminate()
  expect(trained).toBeGreaterThan(RUNS / 5)
})
