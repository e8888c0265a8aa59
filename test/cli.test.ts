import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BuiltCommand } from './built-command.js'

// The built command. `npm test` builds it first.
const main = path.resolve('dist/cli/main.js')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-cli-'))
const env = { ...process.env, UNROLLED_OFFLINE: '1', UNROLLED_CACHE: folder, UNROLLED_DATA: '', NO_COLOR: '' }
const at = (name: string) => path.join(folder, name)

const command = new BuiltCommand(folder, env)
const unrolled = (...args: string[]) => command.run(...args)
/** Runs the command in a process that has run nothing before. */
const alone = (...args: string[]) =>
  spawnSync(process.execPath, [main, ...args], { cwd: folder, env, encoding: 'utf8' })

const text = 'The quick brown fox jumps over the lazy dog.\n'.repeat(28)
const quick = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '8', '--epochs', '3']

beforeAll(() => {
  writeFileSync(at('fox.txt'), text)
  const { status, stderr } = unrolled('train', 'fox.txt', '--clean', ...quick, '--out', 'fox')
  expect(status, stderr).toBe(0)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a signal that comes before the studio is there ends it', () => {
  // The process sends itself the signal as soon as it listens for it, long before its server does.
  const interruptItself = `data:text/javascript,process.on('newListener', (name) => {
    if (name === 'SIGINT') setImmediate(() => process.kill(process.pid, name))
  })`.replace(/\s+/g, ' ')
  const args = ['--import', interruptItself, main, 'studio', '--port', '0']
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', timeout: 600_000 })
  expect([status, stderr]).toEqual([130, ''])
})

test('an environment that asks for kernels that do not exist is told so where a model is read, too', () => {
  for (const args of [
    ['generate', 'fox'],
    ['info', 'fox'],
    ['train', 'fox.txt', '--init-from', 'fox', '--out', 'no'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
      cwd: folder,
      env: { ...env, UNROLLED_SIMD: 'foo' },
      encoding: 'utf8',
    })
    expect([status, stderr], args[0]).toEqual([
      2,
      expect.stringContaining("UNROLLED_SIMD is 'foo', expected one of 'simd', 'relaxed-simd', 'simd-256'"),
    ])
  }
})

describe('train', () => {
  test('shows what it did and saves the model, the vocabulary and the curve', () => {
    const { status, stdout, stderr } = unrolled('train', 'fox.txt', ...quick, '--cell', 'lstm', '--out', 'lstm')
    expect(status).toBe(0)
    expect(stdout).toMatch(/perplexity \d+\.\d, [\d.]+ tokens\/sec on (wasm|blas)-/)
    expect(stdout).toContain('saved to lstm')
    expect(stdout).toContain('┤')
    expect(stderr).toContain('epoch 3/3')
    for (const name of ['config.json', 'model.safetensors', 'vocab.json', 'perplexity.svg']) {
      expect(existsSync(path.join(at('lstm'), name)), name).toBe(true)
    }
    expect(readFileSync(path.join(at('lstm'), 'perplexity.svg'), 'utf8')).toMatch(/^<svg [^>]*xmlns=/)
    expect(stdout + stderr).not.toContain('\x1b')
  })

  test('--json: one object on each line, and nothing else on standard output', () => {
    const { status, stdout } = unrolled('train', 'fox.txt', ...quick, '--json', '--out', 'json')
    expect(status).toBe(0)
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.map(({ type }) => type)).toEqual(['epoch', 'epoch', 'epoch', 'done'])
    expect(events[3]).toMatchObject({ epochs: 3, model: 'json', stopped: false, perplexity: events[2].perplexity })
  })

  test('the same seed gives the same model, and another seed gives another', () => {
    const parameters = (name: string, seed: string) => {
      expect(unrolled('train', 'fox.txt', ...quick, '--seed', seed, '--out', name).status).toBe(0)
      return readFileSync(path.join(at(name), 'model.safetensors'))
    }
    const first = parameters('seed-a', '5')
    expect(parameters('seed-b', '5').equals(first)).toBe(true)
    expect(parameters('seed-c', '6').equals(first)).toBe(false)
  })

  test('--kernels chooses kernels, and the output names them', () => {
    for (const [name, shown] of [
      ['wasm', /wasm-(relaxed-)?simd/],
      ['reference', /reference/],
      ['auto', /wasm-|blas-/],
    ] as const) {
      const { status, stdout } = alone('train', 'fox.txt', ...quick, '--kernels', name, '--out', `kernels-${name}`)
      expect(status).toBe(0)
      expect(stdout.split('\n')[1]).toMatch(shown)
      expect(alone('info', `kernels-${name}`).stdout).toMatch(/kernels +(wasm|blas)-/)
    }
  })

  test('without a text, trains on the book’s; without --out, makes a new folder each time, named after the text', () => {
    for (const out of ['runs/moby-dick', 'runs/moby-dick-2']) {
      const { status, stdout } = unrolled('train', '--hidden-size', '8', '--epochs', '1')
      expect(status).toBe(0)
      expect(stdout).toContain('Moby Dick')
      expect(stdout).toContain(`saved to ${out} `)
    }
  })

  test('a user’s own text is used whole, unless --max-tokens says otherwise', () => {
    // The book's text is cut after 10,000 tokens.
    writeFileSync(at('long.txt'), 'the quick brown fox '.repeat(600))
    const large = ['--hidden-size', '8', '--batch-size', '10', '--num-steps', '40', '--epochs', '1']
    const tokens = (...more: string[]) => unrolled('train', 'long.txt', ...large, ...more).stdout
    expect(tokens()).toContain('(12,000 tokens)')
    expect(tokens('--max-tokens', '500')).toContain('(500 tokens)')
    expect(tokens('--max-tokens', 'all')).toContain('(12,000 tokens)')
  })

  test('book: the same training with fewer options', () => {
    const { status, stdout } = unrolled('book', '--epochs', '1', '--cell', 'gru', '--seed', '3', '--out', 'book')
    expect(status).toBe(0)
    expect(stdout).toMatch(/model: gru, 1 layer of 256 units, 28 tokens/)
    expect(stdout).toMatch(/^chapter lo.{50}$/m)
    expect(JSON.parse(unrolled('info', 'book', '--json').stdout)).toMatchObject({
      training: { seed: 3, epochs: 1, batchSize: 32, numSteps: 35, maxTokens: 10_000, lr: 1, sampling: 'sequential' },
    })
    expect(unrolled('book', '--hidden-size', '8').status).toBe(2)
  })

  test('no colours in a file, even if the environment asks for them', () => {
    const { stdout, stderr } = spawnSync(process.execPath, [main, 'train', 'fox.txt', ...quick, '--out', 'plain'], {
      cwd: folder,
      env: { ...env, CI: '1', FORCE_COLOR: '1' },
      encoding: 'utf8',
    })
    expect(stdout).toContain('saved to plain')
    expect(stdout + stderr).not.toContain('\x1b')
  })

  test('a second Ctrl-C ends it at once', async () => {
    // The process sends the second one to itself, so that it comes before the model is saved even where the machine is busy.
    writeFileSync(at('again.mjs'), "process.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))")
    const args = [main, 'train', 'fox.txt', '--hidden-size', '64', '--epochs', '100000', '--out', 'twice']
    const child = spawn(process.execPath, ['--import', './again.mjs', ...args], { cwd: folder, env })
    const closed = new Promise((resolve) => child.on('close', resolve))
    // Before its first step has begun, a training saves its model at once.
    while (!existsSync(path.join(at('twice'), 'history.jsonl'))) {
      expect(child.exitCode).toBe(null)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    child.kill('SIGINT')
    expect(await closed).toBe(130)
    expect(existsSync(path.join(at('twice'), 'config.json'))).toBe(false)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it after the current step; the model is saved', async (signal, code) => {
    const child = spawn(
      process.execPath,
      [main, 'train', 'fox.txt', ...quick.slice(0, 6), '--epochs', '1000000', '--json', '--out', signal],
      { cwd: folder, env },
    )
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      if (stdout === '') child.kill(signal)
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    const status = await new Promise((resolve) => child.on('close', resolve))
    expect(status, stderr).toBe(code)
    expect(stderr).toContain('stopped after step')
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ type: 'done', stopped: true })
    expect(unrolled('info', signal).status).toBe(0)
  })

  test('a training that diverges says so and leaves an older model alone', () => {
    const before = readFileSync(path.join(at('fox'), 'model.safetensors'))
    const wild = ['--nonlinearity', 'relu', '--lr', '1e30', '--clip', 'all', '--out', 'fox']
    const { status, stderr } = unrolled('train', 'fox.txt', ...quick, ...wild)
    expect(status).toBe(3)
    expect(stderr).toMatch(/error: train: .* at step \d+.*try a smaller --lr .* a smaller --clip/)
    expect(readFileSync(path.join(at('fox'), 'model.safetensors')).equals(before)).toBe(true)
  })
})

describe('generate and info', () => {
  test('continues a prefix, the same for the same seed', () => {
    const run = (...more: string[]) => unrolled('generate', 'fox', '--prefix', 'the quick', '--length', '30', ...more)
    const { status, stdout } = run('--temperature', '1', '--seed', '4')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^the quick.{30}\n$/s)
    expect(run('--temperature', '1', '--seed', '4').stdout).toBe(stdout)
    expect(run('--temperature', '1', '--seed', '5').stdout).not.toBe(stdout)
    expect(JSON.parse(run('--json').stdout)).toMatchObject({
      prefix: 'the quick',
      text: run().stdout.replace(/\n$/, ''),
    })
  })

  test('info shows the cell, the sizes and the training', () => {
    expect(unrolled('info', 'fox').stdout).toMatch(/hiddenSize +8/)
    const facts = JSON.parse(unrolled('info', 'fox', '--json').stdout)
    expect(facts).toMatchObject({ cell: 'rnn', hiddenSize: 8, training: { epochs: 3 } })
    expect(facts.shapes['rnn.weight_hh_l0']).toEqual([8, 8])
  })

  test('a reader that closes early causes no error', () => {
    const pipe = `"${process.execPath}" "${main}" generate fox --length 20000 | head -c 10; exit \${PIPESTATUS[0]}`
    const { status, stderr } = spawnSync('bash', ['-c', pipe], { cwd: folder, env, encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
  })
})

describe('help', () => {
  test.each([['--help'], ['book', '--help'], ['train', '--help'], ['generate', '--help'], ['info', '--help']])(
    '%s %s teaches by example',
    (...args) => {
      const { status, stdout } = unrolled(...(args.filter(Boolean) as string[]))
      expect(status).toBe(0)
      expect(stdout).toMatch(/Examples?:\n {2}unrolled /)
    },
  )
})

describe('bad input: one sentence, exit code 2', () => {
  beforeAll(() => {
    writeFileSync(at('empty.txt'), '')
    writeFileSync(at('short.txt'), 'too short')
    writeFileSync(at('latin.txt'), Buffer.from([0x63, 0x61, 0x66, 0xe9]))
    mkdirSync(at('folder'))
    writeFileSync(path.join(at('folder'), 'note.md'), 'mine')
    unrolled('train', 'fox.txt', ...quick, '--out', 'cut')
    truncateSync(path.join(at('cut'), 'model.safetensors'), 500)
    mkdirSync(at('forged'))
    writeFileSync(path.join(at('forged'), 'config.json'), JSON.stringify({ format: `\x1b[2J${'x'.repeat(100_000)}` }))
  })

  test.each([
    ['train none.txt', /none\.txt: there is no such file/],
    ['train empty.txt', /^error: empty\.txt: the text is empty/],
    ['train short.txt', /has 9 tokens, expected at least/],
    ['train latin.txt', /not UTF-8/],
    ['train folder', /no \.txt files/],
    ['train fox.txt --batch-size 0', /^error: train: --batch-size is 0,/],
    ['train fox.txt --num-steps -3', /train: --num-steps is -3/],
    ['train fox.txt --hidden-size 1.5', /train: --hidden-size is 1\.5/],
    ['train fox.txt --epochs 0', /train: --epochs is 0/],
    ['train fox.txt --max-tokens 0', /train: --max-tokens is 0/],
    ['train fox.txt --lr NaN', /Expected a number/],
    ['train fox.txt --lr -1', /train: --lr is -1/],
    ['train fox.txt --lr Infinity', /train: --lr is Infinity/],
    ['train fox.txt --clip 0', /train: --clip is 0/],
    ['train fox.txt --seed 0.5', /train: --seed is 0\.5/],
    ['train fox.txt --num-layers 2 --dropout 2', /train: --dropout is 2/],
    ['train fox.txt --weight-dropout -1', /train: --weight-dropout is -1/],
    ['train fox.txt --input-dropout 2', /train: --input-dropout is 2/],
    ['train fox.txt --output-dropout 1.5', /train: --output-dropout is 1\.5/],
    ['train fox.txt --embedding-size 0', /train: --embedding-size is 0/],
    ['train fox.txt --tie-weights', /--tie-weights without --embedding-size, expected --embedding-size 256/],
    [
      'train fox.txt --tie-weights --embedding-size 8',
      /--tie-weights with --embedding-size 8, expected --embedding-size 256/,
    ],
    ['train fox.txt --variational', /--variational has no effect without --output-dropout, --dropout/],
    ['train fox.txt --variational --input-dropout 0.1', /--input-dropout with --embedding-size/],
    ['train fox.txt --threads 0', /train: --threads is 0/],
    ['train fox.txt --threads two', /Expected a number/],
    ['train fox.txt --kernels cuda', /Allowed choices are auto, wasm, blas, reference/],
    ['train fox.txt --cell conv', /Allowed choices are rnn, gru, lstm/],
    ['train fox.txt --hiden-size 3', /unknown option '--hiden-size'.*--hidden-size/s],
    ['train fox.txt --out folder', /holds other files/],
    ['train fox.txt --out fox.txt', /it is a file/],
    ['train fox.txt --out fox.txt/model', /a part of the path is a file/],
    ['train fox.txt --out .', /the current folder/],
    ['train fox.txt --hidden-size 1000000', /--hidden-size/],
    ['train fox.txt --num-layers 1000000000', /--num-layers/],
    ['train fox.txt --bidirectional', /--bidirectional is refused: .*language model/],
    ['generate none', /no such folder/],
    ['generate fox.txt', /expected the folder/],
    ['generate cut', /truncated|bytes/],
    ['info cut', /truncated|bytes/],
    ['info fox --devices', /^error: info: --devices comes with the model fox, expected one of them/],
    ['train fox.txt --device cuda', /Allowed choices are cpu, webgpu, auto/],
    ['generate fox --prefix Ω!', /"Ω", "!"/],
    ['generate fox --length -1', /generate: --length is -1/],
    ['generate fox --temperature -1', /generate: --temperature is -1/],
    ['generate', /missing required argument/],
    ['generate forged', /config\.json: /],
    ['sing', /unknown command/],
  ])('%s', (line, message) => {
    const { status, stdout, stderr } = unrolled(...line.split(' '))
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^error: /)
    expect(stderr).not.toMatch(/\n\s+at |bug in unrolled/)
    expect(stderr).not.toContain('\x1b')
    expect(stderr.length).toBeLessThan(1500)
    expect(status).toBe(2)
    expect(stdout).not.toContain('epoch')
  })
})
