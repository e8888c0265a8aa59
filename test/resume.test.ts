import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCheckpoint, loadModel } from '../src/node.js'
import { BuiltCommand } from './built-command.js'

// The built command is stopped in every way and resumed. `npm test` builds it first.
const main = path.resolve('dist/cli/main.js')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-resume-'))
const at = (...names: string[]) => path.join(folder, ...names)
const start = (...args: string[]) => spawn(process.execPath, [main, 'train', ...args], { cwd: folder })
const command = new BuiltCommand(folder)
const run = (...args: string[]) => command.run(...args)
const closed = (child: ChildProcess) => new Promise<number | null>((resolve) => child.on('close', resolve))

/** Waits until a file appears, or is replaced. */
async function changed(file: string): Promise<void> {
  const inode = () => statSync(file, { throwIfNoEntry: false })?.ino
  const before = inode()
  while (inode() === before) await setTimeout(5)
}

const small = ['--hidden-size', '6', '--batch-size', '2', '--num-steps', '6', '--max-tokens', 'all', '--threads', '1']

beforeAll(() => {
  const words = 'the quick brown fox jumps over the lazy dog while seven wizards box '.split(' ')
  const text = Array.from({ length: 100 }, (_, i) => words[(i * i + 3 * i) % words.length]).join(' ')
  writeFileSync(at('text.txt'), text)
  // The signal comes in the middle, soon after the first epoch was reported. The process sends it to itself, so that it does
  // not come too late where the machine is busy.
  writeFileSync(
    at('signal.mjs'),
    `const { write } = process.stdout
let epochs = 0
process.stdout.write = function (text, ...rest) {
  const send = () => process.kill(process.pid, process.env.SIGNAL)
  if (String(text).includes('"type":"epoch"') && ++epochs === 1) setTimeout(send, 20 * Math.random())
  return write.call(this, text, ...rest)
}`,
  )
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The relevant state of a training, from its last checkpoint. */
async function stateOf(name: string) {
  const { tensors, progress } = await loadCheckpoint(at(name, 'checkpoint.safetensors'))
  return { progress, values: Object.entries(tensors).map(([name, { data }]) => [name, [...data]]) }
}

const historyOf = (name: string) =>
  readFileSync(at(name, 'history.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type !== 'step')
    .map(({ tokensPerSecond: _, seconds: __, ...event }) => event)

const regularized = [
  ...['--num-layers', '2', '--dropout', '0.1', '--variational', '--weight-dropout', '0.2', '--input-dropout', '0.1'],
  ...['--output-dropout', '0.2', '--embedding-size', '6', '--tie-weights', '--layer-norm'],
]

describe('a training stopped by a signal and resumed gives the same bits as an uninterrupted one', () => {
  const variants = [
    ['rnn', 'sequential', 'sgd', ['--momentum', '0.9', '--nesterov', '--lr', '0.1'], 'SIGINT'],
    ['gru', 'random', 'adam', ['--schedule', 'cosine', '--warmup', '20'], 'SIGTERM'],
    [
      'lstm',
      'sequential',
      'rmsprop',
      ['--schedule', 'step', '--decay-every', '50', '--proj-size', '5', '--peepholes'],
      'SIGKILL',
    ],
    ['gru', 'sequential', 'adamw', ['--num-layers', '2', '--dropout', '0.3'], 'SIGINT'],
    ['lstm', 'sequential', 'adamw', regularized, 'SIGKILL'],
    [
      'rnn',
      'random',
      'sgd',
      ['--accumulate', '3', '--clip-value', '0.1', '--num-layers', '2', '--dropout', '0.2'],
      'SIGKILL',
    ],
    [
      'lstm',
      'random',
      'adam',
      ['--schedule', 'plateau', '--plateau-patience', '0', '--validate-every', '17'],
      'SIGTERM',
    ],
  ] as const
  test.each(variants)('%s, %s, %s %j, %s', async (cell, sampling, optimizer, more, signal) => {
    const name = `${cell}-${sampling}-${optimizer}`
    const options = [...small, '--cell', cell, '--sampling', sampling, '--optimizer', optimizer, ...more]
    const common = ['text.txt', ...options, '--epochs', '4', '--validation', '0.2', '--checkpoint-steps', '10']
    const whole = run('train', ...common, '--out', `${name}-whole`)
    expect(whole.status, whole.stderr).toBe(0)

    const args = ['--import', './signal.mjs', main, 'train', ...common, '--out', name, '--json']
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, SIGNAL: signal },
      stdio: 'ignore',
    })
    expect(await closed(child)).not.toBe(0)
    expect((await loadModel(at(name))).vocab.size).toBeGreaterThan(10)
    const again = run('train', '--resume', name)
    expect(again.status, again.stderr).toBe(0)
    expect(await stateOf(name)).toEqual(await stateOf(`${name}-whole`))
    expect(historyOf(name)).toEqual(historyOf(`${name}-whole`))
    const bytesOf = (run: string) => readFileSync(at(run, 'model.safetensors'))
    expect(bytesOf(name).equals(bytesOf(`${name}-whole`))).toBe(true)
  })
})

/** How often a training is killed. Each takes as long as Node takes to start. */
const KILLS = 10

test(`killed at ${KILLS} random instants, also while writing: the folder opens and the training continues`, async () => {
  // All kills together come before the last of these epochs, whose steps take longer to save than to compute.
  const epochs = ['--epochs', '30']
  const common = ['text.txt', ...small, '--cell', 'lstm', '--optimizer', 'adam', '--validation', '0.2', ...epochs]
  const whole = run('train', ...common, '--out', 'whole')
  expect(whole.status, whole.stderr).toBe(0)

  let kills = 0
  let steps = 0
  while (kills < KILLS) {
    const begun = existsSync(at('killed', 'checkpoint.safetensors'))
    const child = begun
      ? start('--resume', 'killed', '--checkpoint-steps', '1')
      : start(...common, '--out', 'killed', '--checkpoint-steps', '1')
    let errors = ''
    child.stderr.on('data', (data) => {
      errors += data
    })
    const end = closed(child)
    // Some kills come while it starts, and most while it trains and writes, which it does once there is a new
    // checkpoint.
    if (kills % 3 > 0) await Promise.race([end, changed(at('killed', 'checkpoint.safetensors'))])
    // On a busy machine no step might come between the first checkpoint and the kill.
    if (kills % 3 > 0 && steps === 0) await Promise.race([end, changed(at('killed', 'checkpoint.safetensors'))])
    // A checkpoint takes a few milliseconds, so that this is many of them.
    await Promise.race([end, setTimeout(Math.random() * (kills % 3 === 0 ? 300 : 100))])
    child.kill('SIGKILL')
    expect(await end, errors).toBe(null)
    kills++
    if (!existsSync(at('killed', 'checkpoint.safetensors'))) continue
    const { progress } = await loadCheckpoint(at('killed', 'checkpoint.safetensors'))
    expect(progress!.step).toBeGreaterThanOrEqual(steps)
    steps = progress!.step
    expect((await loadModel(at('killed'))).model.vocabSize).toBeGreaterThan(10)
  }
  expect(steps).toBeGreaterThan(0)
  const last = run('train', '--resume', 'killed', '--checkpoint-steps', 'all')
  expect(last.status, last.stderr).toBe(0)
  expect(await stateOf('killed')).toEqual(await stateOf('whole'))
  expect(historyOf('killed')).toEqual(historyOf('whole'))
  expect(readdirSync(at('killed')).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

describe('a folder that training must not use', () => {
  beforeAll(() => {
    expect(run('train', 'text.txt', ...small, '--epochs', '2', '--out', 'done').status).toBe(0)
  })

  test('in use: reported at once; the other training continues', async () => {
    const child = start('text.txt', ...small, '--epochs', '100000', '--out', 'busy')
    while (!existsSync(at('busy', 'checkpoint.safetensors'))) await setTimeout(20)
    const second = run('train', '--resume', 'busy')
    expect([second.status, second.stderr]).toEqual([2, expect.stringMatching(/busy: process \d+ .*is training there/)])
    const end = closed(child)
    child.kill('SIGINT')
    expect(await end).toBe(130)
    // The other training is paused, not over: a new one may not take its place.
    const third = run('train', 'text.txt', ...small, '--out', 'busy')
    expect([third.status, third.stderr]).toEqual([2, expect.stringContaining('go on with --resume busy')])
  })

  test('a lock that cannot be read counts as a lock', () => {
    const lock = at('done', 'lock.json')
    for (const make of [() => mkdirSync(lock), () => symlinkSync('nowhere', lock)]) {
      make()
      const { status, stderr } = run('train', '--resume', 'done', '--epochs', '9')
      expect([status, stderr]).toEqual([
        2,
        expect.stringMatching(/another process is training there.*remove lock.json/),
      ])
      rmSync(lock, { recursive: true })
    }
  })

  test('of a finished training: says so; it continues with more epochs', () => {
    const over = run('train', '--resume', 'done')
    expect([over.status, over.stderr]).toEqual([
      2,
      expect.stringContaining('has finished, after epoch 2; to continue it, give --epochs a number larger than 2'),
    ])
    const more = run('train', '--resume', 'done', '--epochs', '3')
    expect(more.status, more.stderr).toBe(0)
    const history = historyOf('done')
    expect(history.filter(({ type }) => type === 'epoch').map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    expect(history.filter(({ type }) => type === 'resume')).toMatchObject([{ options: { epochs: 3 } }])
  })

  test('another text, other sizes, a damaged or missing checkpoint', () => {
    const refusal = (...args: string[]) => {
      const { status, stderr } = run('train', ...args)
      expect(status).toBe(2)
      return stderr
    }
    writeFileSync(at('other.txt'), 'something else entirely '.repeat(60))
    expect(refusal('other.txt', '--resume', 'done', '--epochs', '9')).toMatch(/the text differs from the one/)
    expect(refusal('--resume', 'done', '--hidden-size', '9')).toMatch(/--hidden-size cannot be changed/)
    expect(refusal('--resume', 'nothing')).toMatch(/nothing: there is no training/)
    mkdirSync(at('damaged'))
    const bytes = readFileSync(at('done', 'checkpoint.safetensors'))
    bytes[bytes.length - 5] ^= 1
    writeFileSync(at('damaged', 'checkpoint.safetensors'), bytes)
    expect(refusal('--resume', 'damaged')).toMatch(/damaged: its checksum/)
    writeFileSync(at('damaged', 'checkpoint.safetensors'), bytes.subarray(0, 1000))
    expect(refusal('--resume', 'damaged')).toMatch(/checkpoint\.safetensors: /)
  })

  test('read-only, or with a disk that is full', () => {
    // Root may write where modes forbid it, but nobody may write in /proc and /sys; a limit on file sizes stands for a full
    // disk.
    const long = 'x'.repeat(300)
    const nearlyTooLong = 'y'.repeat(250)
    symlinkSync('circle', at('circle'))
    for (const [out, why] of [
      ['/proc/run', 'no new files can be made there'],
      ['/sys/run', 'that is not permitted'],
      ['/dev/full/run', 'a part of the path is a file'],
      ['text.txt/run', 'a part of the path is a file'],
      [long, 'the name is too long'],
      [nearlyTooLong, 'the name is too long'],
      ['circle', 'its links lead in a circle'],
    ]) {
      const { status, stderr } = run('train', 'text.txt', ...small, '--out', out)
      expect([status, stderr]).toEqual([
        2,
        `error: ${out}: the model cannot be saved there, because ${why}; choose another folder\n`,
      ])
    }
    const command = `ulimit -f 1; "${process.execPath}" "${main}" train text.txt ${small.join(' ')} --hidden-size 64 --out full`
    const full = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' })
    expect(full.stderr).toMatch(/^error: full: the model cannot be saved there, because a file may not be that large/)
    expect(full.status).toBe(2)
  })
})
