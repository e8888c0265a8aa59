import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FolderStore, loadModel, type RunSetup, saveModel, startRun, textSource } from '../src/node.js'
import { BuiltCommand } from './built-command.js'

// The built command, as a user runs it. `npm test` builds it first.
const main = path.resolve('dist/cli/main.js')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-generate-'))
const env = { ...process.env, UNROLLED_OFFLINE: '1', NO_COLOR: '' }

const command = new BuiltCommand(folder, env)
const unrolled = (...args: string[]) => command.run(...args)

/** The standard output of a command that continues 'the'. */
function made(...args: string[]): string {
  const { status, stdout, stderr } = unrolled('generate', 'fox', '--prefix', 'the', '--length', '20', ...args)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

beforeAll(() => {
  writeFileSync(path.join(folder, 'fox.txt'), 'The quick brown fox jumps over the lazy dog. '.repeat(40))
  writeFileSync(path.join(folder, 'prefix.txt'), 'the lazy\n')
  const sizes = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '8', '--epochs', '3']
  const { status, stderr } = unrolled('train', 'fox.txt', ...sizes, '--out', 'fox')
  expect(status, stderr).toBe(0)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('generate', () => {
  test('--samples: texts with a line between them, the same for the same seed, and the first one whatever their number', () => {
    const three = made('--samples', '3')
    expect(three).toMatch(/^(the.{20}\n---\n){2}the.{20}\n$/)
    expect(made('--samples', '3')).toBe(three)
    expect(made('--samples', '3', '--seed', '1')).not.toBe(three)
    expect(made('--temperature', '1')).toBe(`${three.split('\n')[0]}\n`)
  })

  test('sampling options sample, and options that leave only the likeliest token do not', () => {
    const greedy = made()
    expect(made('--top-k', '1')).toBe(greedy)
    expect(made('--top-p', '0')).toBe(greedy)
    expect(made('--min-p', '1')).toBe(greedy)
    expect(made('--beams', '1')).toBe(greedy)
    expect(made('--top-k', '5')).not.toBe(greedy)
    expect(made('--repetition-penalty', '100')).not.toBe(greedy)
  })

  test('--stop ends before any of the given texts', () => {
    const whole = made('--temperature', '1')
    const stops = [whole.slice(8, 10), whole.slice(10, 12)]
    const at = Math.min(...stops.map((stop) => whole.indexOf(stop, 3)))
    const options = stops.flatMap((stop) => ['--stop', stop])
    expect(made('--temperature', '1', ...options)).toBe(`${whole.slice(0, at)}\n`)
  })

  test('--prefix-file continues the text of a file', () => {
    const { stdout } = unrolled('generate', 'fox', '--prefix-file', 'prefix.txt', '--length', '5')
    expect(stdout).toMatch(/^the lazy.{5}\n$/)
    expect(stdout).toBe(unrolled('generate', 'fox', '--prefix', 'the lazy', '--length', '5').stdout)
  })

  test('says of a model that was not trained yet that it was not; one begun with a trained model was', async () => {
    const begin = async (name: string, setup: RunSetup) => {
      const stop = new AbortController()
      const store = new FolderStore(path.join(folder, name))
      const text = textSource('The quick brown fox jumps over the lazy dog. '.repeat(40))
      const options = { ...(setup.model ? {} : { hiddenSize: 8 }), batchSize: 4, numSteps: 8 }
      const run = await startRun(store, text, options, { ...setup, signal: stop.signal })
      stop.abort()
      for await (const _ of run.events());
      await run.close()
      const { status, stdout, stderr } = unrolled('generate', name, '--length', '4')
      expect([status, stdout]).toEqual([0, expect.stringMatching(/.{4}\n$/)])
      return stderr
    }
    const warning = 'warning: new: the model was not trained yet, so its text is random; train it first\n'
    expect(await begin('new', {})).toBe(warning)
    expect(await begin('tuned', { model: await loadModel(path.join(folder, 'fox')) })).toBe('')
  })

  test('--with-probabilities: one line for each token, or arrays', () => {
    const lines = made('--with-probabilities').trimEnd().split('\n')
    expect(lines[0]).toBe('the')
    expect(lines.length).toBe(21)
    for (const line of lines.slice(1)) expect(line).toMatch(/^'.' (0\.\d+|1\.0)$/)
    const { text, tokens, probabilities } = JSON.parse(made('--with-probabilities', '--json'))
    expect(text).toBe(made().slice(0, -1))
    expect(`the${tokens.join('')}`).toBe(text)
    expect(lines.slice(1)).toEqual(
      tokens.map((token: string, i: number) => `'${token}' ${probabilities[i].toPrecision(2)}`),
    )
  })

  test('--json: one object, with a list of several samples', () => {
    expect(JSON.parse(made('--json', '--top-p', '0.9', '--seed', '2'))).toMatchObject({
      prefix: 'the',
      length: 20,
      temperature: 1,
      seed: 2,
    })
    const { samples } = JSON.parse(made('--json', '--samples', '2'))
    expect(samples.map(({ text }: { text: string }) => text)).toEqual(
      made('--samples', '2').slice(0, -1).split('\n---\n'),
    )
    expect(JSON.parse(made('--json', '--length', '0', '--samples', '2')).samples).toMatchObject([
      { text: 'the', length: 0 },
      { text: 'the', length: 0 },
    ])
  })

  test('--beams: the best texts with their log-probabilities', () => {
    const { samples } = JSON.parse(made('--beams', '4', '--samples', '3', '--json'))
    const scores = samples.map(({ logProbability }: { logProbability: number }) => logProbability)
    expect(scores.length).toBe(3)
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
    expect(made('--beams', '4')).toBe(`${samples[0].text}\n`)
  })

  // A text that is shown only at the end does not show when it began. The process then sends itself the signal after it
  // has worked for a second since it began to listen, which is long after the first token on any machine.
  const interruptItself = `data:text/javascript,process.on('newListener', (name) => {
    if (name !== 'SIGINT') return;
    const begin = process.cpuUsage().user;
    const timer = setInterval(() => {
      if (process.cpuUsage().user - begin < 1e6) return;
      clearInterval(timer);
      process.kill(process.pid, name);
    }, 20)
  })`.replace(/\s+/g, ' ')

  test.each([
    ['text', ['--temperature', '1']],
    ['json', ['--temperature', '1', '--json']],
    ['samples', ['--samples', '2']],
    ['beams', ['--beams', '2', '--json']],
  ])('Ctrl-C ends it cleanly with the text so far: %s', async (kind, options) => {
    const args = [main, 'generate', 'fox', '--prefix', 'the', '--length', '100000000', ...options]
    const interrupt = kind === 'text' ? [] : ['--import', interruptItself]
    const child = spawn(process.execPath, [...interrupt, ...args], { cwd: folder, env })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      if (stdout === '' && kind === 'text') child.kill('SIGINT')
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    const status = await new Promise((resolve) => child.on('close', resolve))
    expect([status, stderr]).toEqual([130, ''])
    expect(stdout.endsWith('\n')).toBe(true)
    if (kind === 'text') expect(stdout).toMatch(/^the.+\n$/)
    if (kind === 'samples') expect(stdout).toMatch(/^the.+\n---\nthe.+\n$/)
    if (kind === 'json' || kind === 'beams') expect(JSON.parse(stdout).text).toMatch(/^the./)
  })
})

describe('models that are hard to continue a text with', () => {
  test('for a Russian text as bytes, where no byte is a character, the default prefix is a part of one', () => {
    writeFileSync(path.join(folder, 'forest.txt'), 'большойлес'.repeat(60))
    const sizes = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '8', '--epochs', '10']
    const trained = unrolled('train', 'forest.txt', '--no-clean', '--tokens', 'byte', ...sizes, '--out', 'forest')
    expect(trained.status, trained.stderr).toBe(0)
    const { status, stdout, stderr } = unrolled('generate', 'forest', '--length', '4')
    expect([status, stderr]).toEqual([0, ''])
    // The first byte of a letter is the most frequent byte, and the generated text completes the letter.
    expect(stdout).toMatch(/^\p{Script=Cyrillic}/u)
  })

  test.each([[], ['--temperature', '1'], ['--samples', '2'], ['--beams', '2'], ['--json']])(
    'scores that are infinite: %s',
    async (...options) => {
      const { model, vocab } = await loadModel(path.join(folder, 'fox'))
      model.linear.weight.data.fill(3e38)
      await saveModel(path.join(folder, 'infinite'), model, vocab)
      const { status, stdout, stderr } = unrolled('generate', 'infinite', '--prefix', 'the', ...options)
      expect(stderr).toMatch(/^error: generate: .*token 1 after the prefix is .*have diverged.*\n$/)
      expect([status, stdout.includes('NaN')]).toEqual([2, false])
    },
  )
})

describe('bad options: one sentence, exit code 2', () => {
  test.each([
    ['--temperature NaN', /Expected a number/],
    ['--top-k 0', /^error: generate: --top-k is 0/],
    ['--top-k many', /Expected a number/],
    ['--top-p 1.5', /--top-p is 1\.5/],
    ['--repetition-penalty 0', /--repetition-penalty is 0/],
    ['--beams 0', /--beams is 0/],
    ['--beams 4 --temperature 1', /'--beams <n>' cannot be used with option '--temperature <t>'/],
    ['--beams 4 --repetition-penalty 2', /'--beams <n>' cannot be used with option '--repetition-penalty <x>'/],
    ['--beams 2 --samples 3', /--samples is 3, expected at most the number of beams, 2/],
    ['--samples 0', /--samples is 0/],
    ['--seed 3', /--seed has no effect without an option that draws, such as --temperature 1; add that, or leave/],
    ['--samples 2 --temperature 0', /--temperature is 0, at which all samples are the same/],
    ['--prefix-file none.txt', /none\.txt: there is no such file/],
    ['--prefix-file prefix.txt --prefix the', /'--prefix-file <file>' cannot be used with option '--prefix <text>'/],
  ])('%s', (line, message) => {
    const { status, stdout, stderr } = unrolled('generate', 'fox', ...line.split(' '))
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^error: /)
    expect(stderr).not.toMatch(/\n\s+at |bug in unrolled/)
    expect([status, stdout]).toEqual([2, ''])
  })

  test('an empty stop text', () => {
    const { status, stderr } = unrolled('generate', 'fox', '--stop', '')
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^error: generate: --stop is \[""\]/)])
  })
})
