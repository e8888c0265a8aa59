import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeSafetensors, encodeSafetensors } from '../src/formats/safetensors.js'
import { beginOf } from '../src/node/process.js'
import { type Checkpoint, loadCheckpoint, loadModel, readHistory } from '../src/node.js'
import { BuiltCommand } from './built-command.js'

// The built command with closed outputs, full disks and bad learning rates. `npm test` builds it first.
const main = path.resolve('dist/cli/main.js')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-lifecycle-'))
const at = (...names: string[]) => path.join(folder, ...names)
const start = (...args: string[]) => spawn(process.execPath, [main, ...args], { cwd: folder })
const command = new BuiltCommand(folder)
const run = (...args: string[]) => command.run(...args)
/** Runs a line of the shell in which `unrolled ` is the built command; paths may also contain the word. */
const shell = (command: string, cwd = folder) =>
  spawnSync('bash', ['-c', command.replaceAll(/(?<![\w/.-])unrolled (?=\w)/g, `"${process.execPath}" "${main}" `)], {
    cwd,
    encoding: 'utf8',
  })
const closed = (child: ChildProcess) => new Promise<number | null>((resolve) => child.on('close', resolve))

const sizes = ['--hidden-size', '6', '--batch-size', '2', '--num-steps', '6', '--threads', '1', '--kernels', 'wasm']
const small = [...sizes, '--no-clean']
const modelOf = (name: string): string => readFileSync(at(name, 'model.safetensors')).toString('base64')
const checkpointOf = (name: string) => loadCheckpoint(at(name, 'checkpoint.safetensors'))

// This is a small disk, if the system allows one.
const mount = at('mount')
mkdirSync(mount)
const canMount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', mount]).status === 0

beforeAll(() => {
  writeFileSync(at('text.txt'), 'she sells sea shells by the sea shore, '.repeat(8))
  const { status, stderr } = run('train', 'text.txt', ...small, '--epochs', '3', '--out', 'plain')
  expect(status, stderr).toBe(0)
})
afterAll(async () => {
  await command.stop()
  if (canMount) execFileSync('umount', [mount])
  rmSync(folder, { recursive: true, force: true })
})

describe('output that ends', () => {
  const command = `unrolled train text.txt ${small.join(' ')} --epochs 3`
  test.each([
    ['a reader that closes', `${command} --json --out closed | head -1; exit \${PIPESTATUS[0]}`, 'closed'],
    ['a full disk', `${command} --out full > /dev/full`, 'full'],
    ['a full disk for messages, too', `${command} --json --out both > /dev/full 2> /dev/full`, 'both'],
  ])('%s does not end a training', (_, line, name) => {
    const { status, stderr } = shell(line)
    expect(status, stderr).toBe(0)
    expect(modelOf(name)).toBe(modelOf('plain'))
    expect(stderr.match(/warning: standard output cannot be written any more/g)?.length).toBe(
      name === 'both' ? undefined : 1,
    )
    expect(run('train', '--resume', name, '--epochs', '4').status).toBe(0)
  })

  test('commands that only print end: quietly without a reader, with a sentence on a full disk', () => {
    for (const line of ['unrolled info plain', 'unrolled generate plain', 'unrolled eval plain text.txt']) {
      const full = shell(`${line} > /dev/full`)
      expect([full.status, full.stderr]).toEqual([
        2,
        expect.stringMatching(/^error: standard output cannot be written .*ENOSPC/),
      ])
      const reader = shell(`${line} --json | true; exit \${PIPESTATUS[0]}`)
      expect([reader.status, reader.stderr]).toEqual([0, ''])
    }
  })

  test('closing the terminal, which sends two signals, saves the training', async () => {
    const child = start('train', 'text.txt', ...small, '--epochs', '100000', '--json', '--out', 'hangup')
    child.stdout.once('data', () => {
      child.kill('SIGHUP')
      child.kill('SIGHUP')
    })
    expect(await closed(child)).toBe(129)
    expect(existsSync(at('hangup', 'config.json'))).toBe(true)
    const { epoch } = (await checkpointOf('hangup')).progress!
    const more = run('train', '--resume', 'hangup', '--epochs', String(epoch))
    expect(more.status, more.stderr).toBe(0)
  })
})

describe('a folder with the remains of a training that had not begun', () => {
  const remains = (name: string, owner: object) => {
    mkdirSync(at(name))
    writeFileSync(at(name, 'lock.json'), JSON.stringify({ host: hostname(), began: '', ...owner }))
    writeFileSync(at(name, 'history.jsonl'), '')
  }

  test('of a process that was killed is reused by a new training', () => {
    remains('killed', { pid: spawnSync(process.execPath, ['--version']).pid })
    const resumed = run('train', '--resume', 'killed')
    expect([resumed.status, resumed.stderr]).toEqual([2, expect.stringContaining('begin one there first')])
    const begun = run('train', 'text.txt', ...small, '--epochs', '1', '--out', 'killed')
    expect(begun.status, begun.stderr).toBe(0)
  })

  test('of a process that still runs is left to it', () => {
    remains('starting', { pid: process.pid, began: beginOf('self') })
    for (const args of [
      ['--resume', 'starting'],
      ['text.txt', ...small, '--out', 'starting'],
    ]) {
      const { status, stderr } = run('train', ...args)
      expect([status, stderr]).toEqual([
        2,
        expect.stringContaining(`process ${process.pid} on ${hostname()} is training there`),
      ])
    }
  })

  test('is not recognized by a file of the same name alone', () => {
    mkdirSync(at('other'))
    writeFileSync(at('other', 'history.jsonl'), '{"mine":true}\n')
    const { status, stderr } = run('train', 'text.txt', ...small, '--out', 'other')
    expect([status, stderr]).toEqual([2, expect.stringContaining('holds other files')])
    expect(readFileSync(at('other', 'history.jsonl'), 'utf8')).toBe('{"mine":true}\n')
  })
})

describe('a training that explodes', () => {
  const wild = [...small, '--epochs', '1', '--clip', 'all']

  test('says so, ends with 3, replaces no model, and leaves the folder to the next training', () => {
    run('train', 'text.txt', ...small, '--epochs', '1', '--out', 'wild')
    const before = modelOf('wild')
    const { status, stdout, stderr } = run('train', 'text.txt', ...wild, '--lr', '1000', '--json', '--out', 'wild')
    expect(status, stderr).toBe(3)
    expect(stderr).toMatch(/^error: train: the training in wild exploded: the loss is \d+ .*smaller --lr than 1000/m)
    expect(stdout).not.toContain('null')
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ type: 'done', exploded: true })
    expect(stdout).not.toContain('"model"')
    expect(modelOf('wild')).toBe(before)
    expect(run('train', 'text.txt', ...wild, '--lr', '1', '--out', 'wild').status).toBe(0)
    expect(modelOf('wild')).not.toBe(before)
  })

  test('after a resume, keeps the checkpoint that its advice continues from', async () => {
    expect(run('train', 'text.txt', ...small, '--epochs', '2', '--out', 'wilder').status).toBe(0)
    const good = (await checkpointOf('wilder')).progress
    const often = ['--checkpoint-steps', '2']
    const broken = run('train', '--resume', 'wilder', '--epochs', '4', '--lr', '1000', '--clip', 'all', ...often)
    expect(broken.status, broken.stderr).toBe(3)
    expect((await checkpointOf('wilder')).progress!.step).toBe(good!.step)
    const [advice] = /(?<=^unrolled )train --resume .*?(?= goes on from the checkpoint)/m.exec(broken.stdout)!
    expect(advice).toContain('--lr 1 ')
    const mended = run(...advice.split(' '))
    expect(mended.status, mended.stderr).toBe(0)
    expect((await checkpointOf('wilder')).run).toMatchObject({ options: { lr: 1, epochs: 4 }, finished: true })
  })

  test('no command prints null as its perplexity', async () => {
    expect(run('train', 'text.txt', ...wild, '--lr', '1000', '--out', 'huge').status).toBe(3)
    for (const args of [
      ['eval', 'huge', 'text.txt'],
      ['info', 'huge'],
      ['generate', 'huge'],
      ['plot', 'huge'],
    ]) {
      const { status, stdout, stderr } = run(...args, '--json')
      expect(status, stderr).toBe(0)
      expect(stdout).not.toContain('null')
    }
    expect(readFileSync(at('huge', 'history.jsonl'), 'utf8')).not.toContain('null')
    expect((await readHistory(at('huge', 'history.jsonl'))).at(-1)).toMatchObject({ perplexity: Infinity })
  })
})

describe('a training that diverges', () => {
  const relu = [...small, '--nonlinearity', 'relu', '--clip', 'all']

  test('in its first epoch: the same command with a smaller learning rate reuses the folder', () => {
    const first = run('train', 'text.txt', ...relu, '--lr', '1e30', '--out', 'nan')
    expect([first.status, first.stderr]).toEqual([3, expect.stringContaining('try a smaller --lr')])
    const second = run('train', 'text.txt', ...relu, '--lr', '0.1', '--epochs', '1', '--out', 'nan')
    expect(second.status, second.stderr).toBe(0)
  })

  test('later: the advice that is printed works, and is recorded', async () => {
    expect(run('train', 'text.txt', ...relu, '--lr', '0.1', '--epochs', '2', '--out', 'later').status).toBe(0)
    const before = modelOf('later')
    const broken = run('train', '--resume', 'later', '--epochs', '4', '--lr', '1e30')
    expect([broken.status, broken.stderr]).toEqual([3, expect.stringContaining('try a smaller --lr')])
    expect(modelOf('later')).toBe(before)
    const [advice] = /(?<=^unrolled )train --resume later .*?(?= goes on from the checkpoint of step)/m.exec(
      broken.stdout,
    )!
    expect(advice).toBe('train --resume later --lr 0.1 --epochs 4')
    const mended = run(...advice.split(' '))
    expect(mended.status, mended.stderr).toBe(0)
    expect((await checkpointOf('later')).run).toMatchObject({ options: { lr: 0.1, epochs: 4 }, finished: true })
    expect(modelOf('later')).not.toBe(before)
  })

  test('from parameters that are already broken: the folder is left for another try', () => {
    const often = [...relu, '--checkpoint-steps', '1', '--epochs', '2', '--out', 'steps']
    const first = run('train', 'text.txt', ...often, '--lr', '1e30')
    expect([first.status, first.stdout]).toEqual([3, expect.stringContaining('train again with --lr 1\n')])
    expect(first.stdout).not.toContain('--resume')
    const second = run('train', 'text.txt', ...often, '--lr', '0.1')
    expect(second.status, second.stderr).toBe(0)
  })
})

describe('a training that continues', () => {
  test.each([
    ['that is damaged', (file: string) => writeFileSync(file, '{"type":"zzz"}\n')],
    [
      'that is a folder',
      (file: string) => {
        rmSync(file)
        mkdirSync(file)
      },
    ],
  ])('keeps a history %s under another name, and begins a new one', async (what, spoil) => {
    const name = what.replaceAll(' ', '-')
    expect(run('train', 'text.txt', ...small, '--epochs', '2', '--out', name).status).toBe(0)
    const before = modelOf(name)
    spoil(at(name, 'history.jsonl'))
    const { status, stderr } = run('train', '--resume', name, '--epochs', '3')
    expect(status, stderr).toBe(0)
    expect(stderr).toMatch(/warning: .*history\.jsonl.*; it is kept as .*history-damaged\.jsonl, and a new one begins/)
    expect(existsSync(at(name, 'history-damaged.jsonl'))).toBe(true)
    expect((await readHistory(at(name, 'history.jsonl'))).at(-1)).toMatchObject({ type: 'epoch', epoch: 3 })
    expect(modelOf(name)).not.toBe(before)
  })

  test('accepts another learning rate, other clipping and more epochs, and records them', async () => {
    expect(run('train', 'text.txt', ...small, '--epochs', '2', '--lr', '0.5', '--out', 'more').status).toBe(0)
    const changes = ['--lr', '0.25', '--clip', '2', '--clip-value', '0.5', '--epochs', '3']
    const { status, stdout, stderr } = run('train', '--resume', 'more', ...changes)
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('with --lr 0.25, was 0.5')
    const events = await readHistory(at('more', 'history.jsonl'))
    expect(events.find(({ type }) => type === 'resume')).toMatchObject({
      options: { lr: 0.25, clip: 2, clipValue: 0.5, epochs: 3 },
    })
    const epochs = events.filter((event) => event.type === 'epoch')
    expect(epochs.map(({ lr }) => lr)).toEqual([0.5, 0.5, 0.25])
    expect((await checkpointOf('more')).run).toMatchObject({
      options: { lr: 0.25, clip: 2, clipValue: 0.5, epochs: 3 },
    })
    // The new values apply from now on.
    const over = run('train', '--resume', 'more')
    expect(over.stderr).toContain('has finished, after epoch 3; to continue it, give --epochs a number larger than 3')
    expect(run('plot', 'more').status).toBe(0)
  })

  test('keeps its best model if no better one comes', async () => {
    expect(run('train', 'text.txt', ...small, '--epochs', '2', '--validation', '0.2', '--out', 'best').status).toBe(0)
    const { best } = (await checkpointOf('best')).progress!
    const before = modelOf('best')
    // Steps of this size cannot improve the model.
    const { status, stderr } = run('train', '--resume', 'best', '--epochs', '3', '--lr', '1e-30')
    expect(status, stderr).toBe(0)
    expect((await checkpointOf('best')).progress!.best).toMatchObject({ step: best!.step })
    expect(stderr).not.toContain('warning')
    expect(modelOf('best')).toBe(before)
    expect((await loadModel(at('best'))).config.training).toMatchObject({ steps: best!.step })
  })

  test('with a schedule, continues from another learning rate', async () => {
    const cosine = ['--schedule', 'cosine', '--min-lr', '0.01']
    expect(run('train', 'text.txt', ...small, ...cosine, '--epochs', '2', '--out', 'cosine').status).toBe(0)
    expect(run('train', '--resume', 'cosine', '--epochs', '4', '--lr', '0.4').status).toBe(0)
    const { progress } = await checkpointOf('cosine')
    expect(progress!.schedule).toMatchObject({ 'base_lr.0': 0.4 })
  })

  test('cannot have fewer epochs than are done', () => {
    expect(run('train', 'text.txt', ...small, '--epochs', '5', '--out', 'five').status).toBe(0)
    const fewer = run('train', '--resume', 'five', '--epochs', '3')
    expect([fewer.status, fewer.stderr]).toEqual([
      2,
      expect.stringContaining('--epochs is 3, expected at least 5 for the training in five: 5 are done'),
    ])
    const same = run('train', '--resume', 'five', '--epochs', '5')
    expect([same.status, same.stderr]).toEqual([2, expect.stringContaining('give --epochs a number larger than 5')])
    expect(run('train', '--resume', 'five', '--epochs', '6').status).toBe(0)
  })
})

describe('a forged checkpoint with a right checksum', () => {
  let good: Checkpoint
  beforeAll(async () => {
    good = await checkpointOf('plain')
    mkdirSync(at('forged'))
  })
  interface Forged {
    config: Record<string, unknown>
    progress: Record<string, unknown>
    run: { options: Record<string, unknown>; [name: string]: unknown }
  }
  const forge = async (change: (forged: Forged) => void) => {
    const { config, progress, run } = structuredClone({ ...good, vocab: undefined, tensors: undefined })
    const forged = { config, progress, run } as unknown as Forged
    Object.assign(forged.run, { finished: false })
    change(forged)
    writeFileSync(at('forged', 'checkpoint.safetensors'), forgedBytes(forged))
  }
  /** The good checkpoint with other metadata and their right checksum. */
  const forgedBytes = (forged: Forged) => {
    const { tensors, metadata } = decodeSafetensors(readFileSync(at('plain', 'checkpoint.safetensors')))
    const { sha256: _, ...rest } = metadata
    for (const [name, value] of Object.entries(forged)) rest[name] = JSON.stringify(value)
    const hash = createHash('sha256').update(JSON.stringify(rest))
    for (const [name, { data, shape }] of Object.entries(tensors)) {
      hash.update(JSON.stringify([name, data[Symbol.toStringTag], shape]))
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    }
    return encodeSafetensors(tensors, { ...rest, sha256: hash.digest('hex') })
  }
  const options = (name: string, value: unknown) => (forged: Forged) => {
    forged.run.options[name] = value
  }
  const record = (name: string, value: unknown) => (forged: Forged) => {
    forged.run[name] = value
  }
  const config = (name: string, value: unknown) => (forged: Forged) => {
    forged.config[name] = value
  }

  test.each([
    ['numLayers', config('numLayers', 1e9), /rnn\.weight_ih_l1 is missing, expected .* of 1000000000 layers/],
    ['hiddenSize', config('hiddenSize', 16000), /weight_ih_l0 has the shape .*, expected \[16000, \d+\]/],
    ['embeddingSize', config('embeddingSize', 4e8), /embedding\.weight is missing, expected \[\d+, 400000000\]/],
    ['vocabSize', config('vocabSize', 1e9), /the vocabulary has \d+ tokens, expected 1000000000/],
    ['cell', config('cell', 'conv'), /config: cell is "conv", expected \("rnn" \| "gru" \| "lstm" \|/],
    ['lr', options('lr', 'x'), /run\.options\.lr is "x", expected number/],
    ['clean', options('clean', 'x'), /run\.options\.clean is "x", expected boolean/],
    ['clip', options('clip', 'x'), /run\.options\.clip is "x", expected \(number \| "all"\)/],
    ['optimizer', options('optimizer', 'zzz'), /run\.options\.optimizer is "zzz", expected \("sgd"/],
    ['hiddenSize that is a text', options('hiddenSize', 'x'), /run\.options\.hiddenSize is "x"/],
    ['an object', options('seed', {}), /run\.options\.seed is Object, expected number/],
    ['batchSize', options('batchSize', 1e9), /batch/],
    ['batchSize below 1', options('batchSize', 0), /batch-size is 0/],
    ['history', record('historyBytes', -1), /run\.historyBytes is -1/],
    ['finished', record('finished', 'no'), /run\.finished is "no", expected boolean/],
  ] as const)('%s is refused at once', async (_, change, message) => {
    await forge(change)
    const { status, stderr } = run('train', '--resume', 'forged', '--epochs', '4')
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)])
    expect(stderr).toMatch(/^error: [^\n]*\n$/)
  })

  test('no more threads are started than this machine can use', async () => {
    await forge(options('threads', 256))
    const { status, stdout, stderr } = run('train', '--resume', 'forged', '--epochs', '4')
    expect(status, stderr).toBe(0)
    expect(Number(/on (\d+) thread/.exec(stdout)![1])).toBeLessThan(256)
  })
})

describe('a disk that is full', () => {
  test('for the history and the curve loses only these', async () => {
    // Checkpoints are smaller than this limit on file sizes; the history and the curve of so many epochs are larger. They have a
    // line or a point for each epoch, so that the epochs may be short.
    const short = [...small, '--max-tokens', '120', '--epochs', '40']
    const line = `ulimit -f 5; unrolled train text.txt ${short.join(' ')} --out limited`
    const { status, stderr } = shell(line)
    expect(status, stderr).toBe(0)
    expect(stderr).toMatch(
      /warning: .*history\.jsonl: the file cannot be written, because a file may not be that large/,
    )
    expect(stderr.match(/history\.jsonl: the file cannot be written/g)).toHaveLength(1)
    const events = await readHistory(at('limited', 'history.jsonl'))
    expect(events.length).toBeGreaterThan(15)
    expect(existsSync(at('limited', 'perplexity.svg'))).toBe(false)
    expect(run('train', 'text.txt', ...short, '--out', 'free').status).toBe(0)
    expect(modelOf('limited')).toBe(modelOf('free'))
  })

  const fill = (name: string) => {
    try {
      writeFileSync(path.join(mount, name), Buffer.alloc(300_000))
    } catch {}
  }
  /** A training on the small disk that is full from its second epoch on. */
  const begun = (out: string, onError: (text: string, all: string) => void, preload: string[] = []) => {
    const options = ['train', 'text.txt', ...small, '--epochs', '10', '--json', '--out', path.join(mount, out)]
    const child = spawn(process.execPath, [...preload, main, ...options], { cwd: folder })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      if (stdout === '') fill(`${out}.fill`)
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
      onError(String(data), stderr)
    })
    return closed(child).then((code) => ({ code, stderr, stdout }))
  }

  test.skipIf(!canMount)('for a while: files wait for room (needs root, for a small disk)', async () => {
    const { code, stderr } = await begun('a', (_, all) => {
      if (all.includes('trying again in')) rmSync(path.join(mount, 'a.fill'), { force: true })
    })
    expect(code, stderr).toBe(0)
    expect(stderr).not.toContain('instead')
    const { run } = await loadCheckpoint(path.join(mount, 'a', 'checkpoint.safetensors'))
    expect(run).toMatchObject({ finished: true })
    expect(existsSync(path.join(mount, 'a', 'model.safetensors'))).toBe(true)
  })

  test.skipIf(!canMount)(
    'for good: the work is kept elsewhere, and the advice works (needs root, for a small disk)',
    async () => {
      // Waits for room, of which there are 15 seconds, are over at once.
      const hurry = `const { setTimeout } = globalThis
globalThis.setTimeout = (work, wait, ...rest) => setTimeout(work, wait >= 500 ? 0 : wait, ...rest)`
      const preload = ['--import', `data:text/javascript,${encodeURIComponent(hurry)}`]
      const { code, stderr } = await begun('b', () => {}, preload)
      expect(code, stderr).toBe(2)
      expect(stderr).toContain('trying again in 4 s')
      const place = /the checkpoint is in (\S+) instead/.exec(stderr)![1]
      expect(stderr).toContain(`error: `)
      expect(stderr).toContain(`unrolled train --resume ${place} saves its model`)
      const resumed = run('train', '--resume', place)
      expect(resumed.status, resumed.stderr).toBe(0)
      run('train', 'text.txt', ...small, '--epochs', '10', '--out', 'roomy')
      expect(readFileSync(path.join(place, 'model.safetensors')).toString('base64')).toBe(modelOf('roomy'))
      rmSync(place, { recursive: true })
    },
  )
})

test('a new training does not keep the event files of an older one for TensorBoard', () => {
  const events = () => readdirSync(at('board')).filter((name) => name.startsWith('events.out.tfevents.'))
  const train = (...more: string[]) => run('train', ...more, '--tensorboard').status
  expect(train('text.txt', ...small, '--epochs', '1', '--out', 'board')).toBe(0)
  const [first] = events()
  expect(train('text.txt', ...small, '--epochs', '1', '--out', 'board')).toBe(0)
  expect(events()).toHaveLength(1)
  expect(events()).not.toContain(first)
  // A resumed training keeps them.
  expect(train('--resume', 'board', '--epochs', '2')).toBe(0)
  expect(events()).toHaveLength(2)
})

describe('sizes too large for any machine are refused before anything is made', () => {
  test.each([
    [['--num-layers', '1000000'], /layers of 256 units .* need at least .* GB of memory/],
    [
      ['--num-layers', '1000000', '--hidden-size', '1'],
      /--num-layers is 1000000, expected a whole number from 1 to 1000/,
    ],
    [['--hidden-size', '300000', '--cell', 'lstm'], /1 layer of 300000 units .*--hidden-size/],
    [['--num-steps', '1000000000', '--batch-size', '1000'], /in batches of 1000 × 1000000000 tokens/],
  ])('%j', (args, message) => {
    const { status, stderr } = run('train', 'text.txt', ...args, '--out', 'never')
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)])
    expect(existsSync(at('never'))).toBe(false)
  })
})

test('a start without free file descriptors waits for them', () => {
  writeFileSync(
    at('hold.mjs'),
    `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { link } = fs.promises
// The lock has just been taken; the next operations read and write files.
fs.promises.link = async (...names) => {
  await link(...names)
  const held = []
  try { for (;;) held.push(fs.openSync('/dev/null')) } catch {}
  console.error('held', held.length)
  setTimeout(() => held.forEach((file) => fs.closeSync(file)), 300)
}
syncBuiltinESMExports()`,
  )
  const hold = `ulimit -n 200; "${process.execPath}" --import ./hold.mjs "${main}" train text.txt`
  const { status, stderr } = shell(`${hold} ${small.join(' ')} --epochs 3 --out held`)
  expect(stderr).toMatch(/held \d+/)
  expect(status, stderr).toBe(0)
  expect(modelOf('held')).toBe(modelOf('plain'))
})
