import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { crossEntropy, evaluateCorpus, loadModel, noGrad, saveModel, tensor } from '../src/node.js'
import { BuiltCommand } from './built-command.js'

// Tests of the built commands that report on texts, models and trainings. `npm test` builds them first.
const main = path.resolve('dist/cli/main.js')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-eval-'))
const at = (...names: string[]) => path.join(folder, ...names)
const env = { ...process.env, UNROLLED_CACHE: at('cache') }
const command = new BuiltCommand(folder, env)
const run = (...args: string[]) => command.run(...args)
const json = (...args: string[]) => {
  const { status, stdout, stderr } = run(...args, '--json')
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

const small = ['--hidden-size', '12', '--batch-size', '4', '--num-steps', '10', '--max-tokens', 'all', '--no-clean']
const text = 'She sells sea shells by the sea shore. '.repeat(60)

beforeAll(() => {
  writeFileSync(at('sea.txt'), text)
  writeFileSync(at('more.txt'), 'Señor Núñez sells shoes by the sea. '.repeat(40))
  const options = [...small, '--epochs', '20', '--validation', '0.1', '--test', '0.1', '--tensorboard']
  const { status, stderr } = run('train', 'sea.txt', ...options, '--out', 'sea')
  expect(status, stderr).toBe(0)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('eval', () => {
  test('the loss of the whole text, with the state carried through it', async () => {
    const result = json('eval', 'sea', 'sea.txt')
    const { model, vocab } = await loadModel(at('sea'))
    const tokens = [...vocab.encode(text)]
    model.eval()
    const { output } = noGrad(() => model.forward(tensor([tokens.slice(0, -1)], { dtype: 'int32' })))
    const loss = await crossEntropy(output, tensor(tokens.slice(1), { dtype: 'int32' })).item()
    expect(result.tokens).toBe(text.length - 1)
    expect(result.loss).toBeCloseTo(loss, 4)
    expect(result.perplexity).toBeCloseTo(Math.exp(loss), 4)
    expect(result.bitsPerCharacter).toBeCloseTo((loss / Math.LN2) * (text.length / text.length), 4)
    expect(result.unknown).toBe(0)
    expect(result.baselines.map(({ order }: { order: number }) => order)).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('uses the parts as the training cut them, and n-grams of the training part', () => {
    const held = json('eval', 'sea', 'sea.txt', '--split', 'validation')
    const size = Math.floor(text.length * 0.1)
    expect(held.tokens).toBe(size - 1)
    expect(held.compared.loss).toBe(held.loss)
    // The text repeats itself: except for the first few, six characters determine the next.
    expect(held.baselines[5].loss).toBeLessThan(0.2)
    expect(held.baselines[0].loss).toBeGreaterThan(2)
    expect(json('eval', 'sea', 'sea.txt', '--split', 'test').tokens).toBe(size - 1)
  })

  test('says how its loss differs from that of the held-out text in training, and does differ in that', async () => {
    expect(run('eval', '--help').stdout).toMatch(/one state.* cuts that text into --batch-size rows that each begin/s)
    const { model, vocab, config } = await loadModel(at('sea'))
    const size = Math.floor(text.length * 0.1)
    const part = vocab.encode(text.slice(-2 * size, -size))
    const lossOf = async (batchSize: number) => (await evaluateCorpus(model, part, { batchSize })).loss
    const held = Number(config.training!.validationLoss)
    expect(held).toBeCloseTo(await lossOf(4), 5)
    const { loss } = json('eval', 'sea', 'sea.txt', '--split', 'validation')
    expect(loss).toBeCloseTo(await lossOf(1), 5)
    expect(Math.abs(loss - held)).toBeGreaterThan(0.001)
  })

  test('evaluates another text, and counts n-grams on a second one', () => {
    const other = json('eval', 'sea', 'more.txt', '--baseline', 'sea.txt')
    expect(other.unknown).toBeGreaterThan(0)
    expect(other.compared.on).toContain('sea.txt')
    const { stdout } = run('eval', 'sea', 'more.txt')
    expect(stdout).toMatch(/bits per character/)
    expect(stdout).toMatch(/3-grams +\d+\.\d{4}/)
    expect(stdout).toMatch(/the model +\d+\.\d{4}/)
  })

  test('n-grams are counted on the model’s training text, and predict the same tokens as the model', async () => {
    const held = json('eval', 'sea', 'sea.txt', '--split', 'test', '--orders', '2')
    const { vocab } = await loadModel(at('sea'))
    const size = Math.floor(text.length * 0.1)
    const [train, part] = [text.slice(0, -2 * size), text.slice(-size)]
    const counts = new Map<string, number>()
    for (const character of train) counts.set(character, (counts.get(character) ?? 0) + 1)
    // Witten and Bell's formula at order 1, for frequencies alone.
    const p = (character: string) =>
      ((counts.get(character) ?? 0) + counts.size / vocab.size) / (train.length + counts.size)
    const losses = [...part.slice(1)].map((character) => -Math.log(p(character)))
    expect(held.baselines).toHaveLength(2)
    expect(held.baselines[0].counted).toBe(train.length)
    expect(held.baselines[0].loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss) / losses.length, 10)
    expect(held.compared.tokens).toBe(losses.length)
    expect(json('eval', 'sea', 'sea.txt', '--validation', '0.3').compared.tokens).toBe(
      Math.floor(text.length * 0.3) - 1,
    )
  })

  test('for words, reports bits per character, and how many words are unknown', () => {
    const options = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '5', '--tokens', 'word']
    const { status, stderr } = run('train', 'sea.txt', '--clean', ...options, '--epochs', '1', '--out', 'words')
    expect(status, stderr).toBe(0)
    const result = json('eval', 'words', 'more.txt')
    // The text is cleaned as in the training: se or n ez sells shoes by the sea, of which the model knows four words.
    expect(result).toMatchObject({ tokens: 9 * 40 - 1, unknown: 5 * 40 })
    const letters = 'sells by the sea '.length / 4
    expect(result.bitsPerCharacter).toBeCloseTo(result.loss / Math.LN2 / letters, 10)
    expect(result.baselines).toHaveLength(3)
    expect(run('eval', 'words', 'more.txt').stdout).toMatch(/unknown to the model: 200 \(55\.56 %\)/)
  })

  test('a model that diverged', async () => {
    const { model, vocab, config } = await loadModel(at('sea'))
    model.linear.weight.data.fill(3e38)
    await saveModel(at('boom'), model, vocab, config.training)
    const { status, stdout, stderr } = run('eval', 'boom', 'sea.txt')
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringMatching(/^error: boom: the loss is NaN, .*--lr$/m)])
  })

  test('JSON has no null for a model so wrong that no number can hold its perplexity', async () => {
    const { model, vocab, config } = await loadModel(at('sea'))
    model.linear.bias!.data[0] = 5000
    await saveModel(at('wrong'), model, vocab, config.training)
    const result = json('eval', 'wrong', 'sea.txt')
    expect(result.loss).toBeGreaterThan(4000)
    expect(JSON.stringify(result)).not.toContain('null')
    expect(result).not.toHaveProperty('perplexity')
    expect(run('eval', 'wrong', 'sea.txt').stdout).toMatch(/perplexity beyond 1e308, [\d.]+ bits/)
  })

  test('for a text of only unknown words, bits per character are not reported', () => {
    writeFileSync(at('other.txt'), 'one two three four five six seven '.repeat(5))
    const { stdout, status } = run('eval', 'words', 'other.txt', '--json')
    expect(status).toBe(0)
    expect(stdout).not.toContain('null')
    expect(JSON.parse(stdout)).toMatchObject({ unknown: 35 })
    expect(run('eval', 'words', 'other.txt').stdout).not.toMatch(/NaN|per character/)
  })

  test('a text too short for n-grams is evaluated anyway', () => {
    writeFileSync(at('tiny.txt'), 'She sells')
    const result = json('eval', 'sea', 'tiny.txt')
    expect(result).toMatchObject({ tokens: 8, baselines: [] })
    expect(result.loss).toBeGreaterThan(0)
    expect(run('eval', 'sea', 'tiny.txt').stdout).toContain('--baseline')
    expect(json('eval', 'sea', 'tiny.txt', '--baseline', 'sea.txt').baselines).toHaveLength(6)
  })

  test.each([
    [['eval', 'sea', 'none.txt'], /none\.txt: there is no such file/],
    [['eval', 'none', 'sea.txt'], /no such folder/],
    [['eval', 'sea', 'sea.txt', '--split', 'half'], /Allowed choices/],
    [['eval', 'sea', 'sea.txt', '--orders', '0'], /^error: eval: --orders is 0/],
    [['eval', 'sea', '-', '--baseline', '-'], /standard input, is named twice/],
    [['eval', 'words', 'sea.txt', '--split', 'test'], /trained without a test part, expected --test/],
    [
      ['eval', 'sea', 'sea.txt', '--split', 'validation', '--validation', '2'],
      /^error: eval: --validation and --test are 2 and 0.1, expected less than 1/,
    ],
    [['data', 'none.txt'], /none\.txt: there is no such file/],
    [['data', 'sea.txt', '--validation', '1.5'], /^error: data: --validation and .*, expected less than 1/],
  ])('%j: one sentence', (args, message) => {
    const { status, stderr } = run(...args)
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^error: [^\n]*\n(\(add --help.*\n)?$/)
    expect(status).toBe(2)
  })
})

describe('calibrate', () => {
  test('saves a model under which the held-out part is likelier, in a new folder', () => {
    const bits = readFileSync(at('sea', 'model.safetensors'))
    const held = json('eval', 'sea', 'sea.txt', '--split', 'validation')
    const { temperature, before, after } = json('calibrate', 'sea', 'sea.txt', '--out', 'calm')
    expect(before.loss).toBeCloseTo(held.loss, 6)
    expect(after.loss).toBeLessThan(before.loss)
    expect(json('eval', 'calm', 'sea.txt', '--split', 'validation').loss).toBeCloseTo(after.loss, 6)
    expect(json('info', 'calm').training).toMatchObject({ temperature, cell: 'rnn', validation: 0.1 })
    expect(readFileSync(at('sea', 'model.safetensors')).equals(bits)).toBe(true)

    const { status, stdout } = run('calibrate', 'calm', 'more.txt', '--split', 'all', '--out', 'calmer')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^text: more.txt, 1,439 tokens predicted$/m)
    expect(stdout).toMatch(/^scores divided by a temperature of \d+\.\d{4}$/m)
  })

  test.each([
    [['sea', 'sea.txt'], /--out/],
    [['whole', 'sea.txt', '--out', 'new'], /whole was trained without a validation part, expected --validation/],
    [['tied', 'sea.txt', '--split', 'all', '--out', 'new'], /expected a model without tieWeights/],
    [['sea', 'none.txt', '--out', 'new'], /none.txt/],
    [['sea', 'sea.txt', '--out', 'sea.txt'], /sea.txt: it is a file/],
    [['none', 'sea.txt', '--out', 'new'], /none: there is no such folder/],
  ])('bad input: %j', (args, message) => {
    const tied = ['--embedding-size', '12', '--tie-weights', '--out', 'tied']
    if (args[0] === 'tied') expect(run('train', 'sea.txt', ...small, '--epochs', '1', ...tied).status).toBe(0)
    if (args[0] === 'whole') expect(run('train', 'sea.txt', ...small, '--epochs', '1', '--out', 'whole').status).toBe(0)
    const { status, stderr } = run('calibrate', ...args)
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
    expect(existsSync(at('new'))).toBe(false)
  })
})

describe('data', () => {
  test('size, vocabulary, entropy and n-grams of a text', () => {
    const facts = json('data', 'sea.txt')
    const counts = new Map<string, number>()
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
    const entropy = [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log(n / text.length), 0)
    expect(facts).toMatchObject({ bytes: text.length, tokens: text.length, vocabulary: counts.size + 1 })
    expect(facts.entropy).toBeCloseTo(entropy, 10)
    expect(facts.mostFrequent[0]).toEqual({ token: ' ', count: counts.get(' ') })
    expect(facts.baselines).toHaveLength(6)
    const { stdout } = run('data', 'sea.txt', '--tokens', 'word')
    expect(stdout).toMatch(/"sea" +120 +\d/)
  })

  test('counts tokens of each kind, and of standard input', () => {
    const given = ['data', '-', '--no-clean', '--json']
    const input = 'Señor\nNúñez'
    const { stdout } = spawnSync(process.execPath, [main, ...given], { cwd: folder, env, input, encoding: 'utf8' })
    const kinds = {
      char: { tokens: 11, vocabulary: new Set(input).size + 1 },
      byte: { tokens: 14, vocabulary: new Set(Buffer.from(input)).size + 1 },
      word: { tokens: 2, vocabulary: 3 },
    }
    expect(JSON.parse(stdout)).toMatchObject({ files: 1, bytes: 14, characters: 11, lines: 2, kinds, baselines: [] })
  })

  test('bytes need not be text', () => {
    writeFileSync(at('noise.bin'), Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256)))
    const { status, stdout } = run('data', 'noise.bin', '--tokens', 'byte')
    expect(status).toBe(0)
    expect(stdout).toContain('vocabulary of 257')
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u)
    expect(run('data', 'noise.bin').stderr).toContain(
      'not UTF-8 text from byte 128 on and contains NULs, as binary files',
    )
  })

  test.each([
    ['a text', ['data', '-']],
    ['a table', ['train', '-', '--target', 'v', '--out', 'waited']],
    ['a prefix', ['generate', 'sea', '--prefix-file', '-']],
    ['a vocabulary', ['import', 'sea/model.safetensors', '--vocab', '-', '--out', 'waited']],
  ])('Ctrl-C ends it, even while it waits for the rest of %s', async (what, args) => {
    const temporary = at(`temporary ${what}`)
    mkdirSync(temporary)
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { ...env, TMPDIR: temporary } })
    let stderr = ''
    child.stderr.on('data', (data) => {
      stderr += data
    })
    const closed = new Promise((resolve) => child.on('close', resolve))
    // More than a pipe holds: it has been written once the command reads it.
    await new Promise((resolve) => child.stdin.write('1,2\n'.repeat(100_000), resolve))
    child.kill('SIGINT')
    expect(await closed).toBe(130)
    expect(stderr).toBe('')
    expect(readdirSync(temporary)).toEqual([])
    expect(existsSync(at('waited'))).toBe(false)
  })
})

describe('fine-tuning', () => {
  test('tokens that the model does not know become <unk>, and the output lists them', () => {
    const { status, stdout } = run(
      'train',
      'more.txt',
      ...small,
      '--epochs',
      '2',
      '--init-from',
      'sea',
      '--out',
      'tuned',
    )
    expect(status).toBe(0)
    expect(stdout).toMatch(/unknown to the model, taken as <unk>: .*"ñ"/)
    expect(json('info', 'tuned').vocabSize).toBe(json('info', 'sea').vocabSize)
  })

  test('the same text from standard input gives the same model', () => {
    const input = readFileSync(at('more.txt'))
    const options = [...small, '--epochs', '1', '--init-from', 'sea', '--extend-vocab']
    expect(run('train', 'more.txt', ...options, '--out', 'filed').status).toBe(0)
    const temporary = at('copies')
    mkdirSync(temporary)
    const how = { cwd: folder, env: { ...env, TMPDIR: temporary }, input, encoding: 'utf8', timeout: 600_000 } as const
    const pipedTo = (...args: string[]) => spawnSync(process.execPath, [main, ...args], how)
    const piped = pipedTo('train', '-', ...options, '--out', 'piped')
    expect(piped.status, piped.stderr).toBe(0)
    const written = pipedTo('export', 'piped', '--format', 'torchrun', '--text', '-', '--out', 'written')
    expect(written.status, written.stderr).toBe(0)
    // Standard input is copied, because it is read twice; the copy may be large, and does not outlive the command.
    expect(readdirSync(temporary)).toEqual([])
    const bits = (name: string) => readFileSync(at(name, 'model.safetensors'))
    expect(bits('piped').equals(bits('filed'))).toBe(true)
  })

  test('or unknown tokens get new rows, and the rows of old tokens keep their values', async () => {
    const options = [...small, '--epochs', '1', '--lr', '0', '--init-from', 'sea', '--extend-vocab']
    const { status, stdout, stderr } = run('train', 'more.txt', ...options, '--out', 'extended')
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/new rows for .*"ñ"/)
    const [old, extended] = [await loadModel(at('sea')), await loadModel(at('extended'))]
    expect(extended.vocab.tokens.slice(0, old.vocab.size)).toEqual(old.vocab.tokens)
    expect(extended.vocab.has('ñ')).toBe(true)
    const before = old.model.stateDict()
    for (const [name, { data, shape }] of Object.entries(extended.model.stateDict())) {
      const [columns, wider] = [before[name].shape.at(-1)!, shape.at(-1)!]
      before[name].data.forEach((value, i) => {
        expect(data[Math.floor(i / columns) * wider + (i % columns)]).toBe(value)
      })
    }
    expect(extended.model.parameters().every(({ data }) => data.every(Number.isFinite))).toBe(true)
    expect(run('train', 'more.txt', ...small, '--extend-vocab').stderr).toMatch(
      /--extend-vocab has no effect without --init-from/,
    )
    const larger = run('train', 'more.txt', ...small, '--num-layers', '2', '--init-from', 'sea')
    expect(larger.stderr).toMatch(/--num-layers is 2, expected the saved model's 1/)
  })
})

test('--tensorboard leaves an event file beside the history', () => {
  const names = readdirSync(at('sea'))
  expect(names).toContain('history.jsonl')
  expect(names.some((name) => name.startsWith('events.out.tfevents.'))).toBe(true)
})
