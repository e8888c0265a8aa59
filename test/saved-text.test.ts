import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadModel, saveModel } from '../src/node.js'
import { run } from './run-command.js'

// The facts that a saved model records about its text apply to every command that takes the model.

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-saved-text-'))
const at = (name: string) => path.join(folder, name)
const small = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '8', '--epochs', '1', '--threads', '1']
const held = ['--validation', '0.2', '--test', '0.1']
const text = 'She sells SEA shells by the sea-shore; 3 shells.\n'.repeat(30)
const letters = 'Dear ZOE, 7 of HER letters came!\n'.repeat(30)

async function done(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await run(args)
  expect(code, stderr).toBe(0)
  return { stdout, stderr }
}
const json = async (...args: string[]) => JSON.parse((await done(...args, '--json')).stdout)
const refusal = async (...args: string[]) => {
  const { code, stderr } = await run(args)
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: [^\n]+\n$/)])
  return stderr
}
/** Copies a model and changes the record of its training in config.json. */
function altered(model: string, training: object): string {
  const copy = at(`${model}-altered`)
  rmSync(copy, { recursive: true, force: true })
  cpSync(at(model), copy, { recursive: true })
  const config = JSON.parse(readFileSync(path.join(copy, 'config.json'), 'utf8'))
  writeFileSync(
    path.join(copy, 'config.json'),
    JSON.stringify({ ...config, training: { ...config.training, ...training } }),
  )
  return copy
}

beforeAll(async () => {
  vi.stubEnv('UNROLLED_CACHE', at('cache'))
  vi.stubEnv('UNROLLED_OFFLINE', '1')
  vi.stubEnv('UNROLLED_DATA', '')
  writeFileSync(at('sea.txt'), text)
  writeFileSync(at('letters.txt'), letters)
  await done('train', at('sea.txt'), '--no-clean', ...small, ...held, '--out', at('raw'))
  await done('train', at('sea.txt'), ...small, ...held, '--out', at('default'))
  await done(
    'train',
    at('sea.txt'),
    '--no-clean',
    '--tokens',
    'word',
    ...small,
    '--num-steps',
    '5',
    '--out',
    at('words'),
  )
  await done('train', ...small, '--out', at('book'))
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

describe('fine-tuning treats a text as the model’s own text was treated', () => {
  test('not cleaned: capitals, digits and line ends stay', async () => {
    const { stdout } = await done(
      'train',
      at('letters.txt'),
      '--init-from',
      at('raw'),
      '--extend-vocab',
      ...small,
      '--out',
      at('tuned'),
    )
    expect(stdout).toMatch(/new rows for .*"Z"/)
    const { vocab, config } = await loadModel(at('tuned'))
    expect([...'DZOE7H,!\n'].every((token) => vocab.has(token))).toBe(true)
    expect(config.training).toMatchObject({ clean: false, tokens: 'char', hiddenSize: 8 })
  })

  test('cleaned, also if an older model does not record it', async () => {
    const cleaned = altered('default', { clean: true })
    const older = altered('book', { clean: undefined })
    for (const model of [cleaned, older]) {
      await done(
        'train',
        at('letters.txt'),
        '--init-from',
        model,
        '--extend-vocab',
        ...small,
        '--out',
        at('tuned-clean'),
      )
      const { vocab, config } = await loadModel(at('tuned-clean'))
      expect(config.training).toMatchObject({ clean: true })
      expect([vocab.has('z'), vocab.has('Z'), vocab.has('7')]).toEqual([true, false, false])
    }
  })

  test('lower case, with which the library may have trained it', async () => {
    const lower = altered('raw', { lowercase: true })
    await done('train', at('letters.txt'), '--init-from', lower, '--extend-vocab', ...small, '--out', at('tuned-lower'))
    const { vocab } = await loadModel(at('tuned-lower'))
    expect([vocab.has('z'), vocab.has('Z'), vocab.has('7')]).toEqual([true, false, true])
  })

  test('its kind of tokens, also when the training is continued later', async () => {
    await done(
      'train',
      at('letters.txt'),
      '--init-from',
      at('words'),
      ...small,
      '--num-steps',
      '5',
      '--out',
      at('tuned-words'),
    )
    expect((await loadModel(at('tuned-words'))).config.training).toMatchObject({ tokens: 'word' })
    await done('train', '--resume', at('tuned-words'), '--epochs', '2')
  })

  test('the record of the training has the sizes of the model, not the defaults', async () => {
    await done(
      'train',
      at('sea.txt'),
      '--no-clean',
      '--cell',
      'gru',
      '--num-layers',
      '2',
      '--dropout',
      '0.5',
      ...small,
      '--out',
      at('gru'),
    )
    const few = small.filter((word, i) => word !== '--hidden-size' && small[i - 1] !== '--hidden-size')
    await done('train', at('letters.txt'), '--init-from', at('gru'), ...few, '--out', at('tuned-gru'))
    const { config } = await loadModel(at('tuned-gru'))
    expect(config.training).toMatchObject({ cell: 'gru', hiddenSize: 8, numLayers: 2, dropout: 0.5 })
  })

  test.each([
    [['--tokens', 'word'], 'raw', /--tokens is word, expected char, the tokens of .*raw; leave it out/],
    [['--tokens', 'char'], 'words', /--tokens is char, expected word, the tokens of/],
    [['--dropout', '0.5'], 'raw', /--dropout has no effect without --num-layers 2/],
    [['--nonlinearity', 'relu'], 'raw', /--nonlinearity is relu, expected the saved model's tanh/],
    [['--hidden-size', '256'], 'raw', /--hidden-size is 256, expected the saved model's 8/],
  ])('options that contradict the model are refused: %j with %s', async (args, model, message) => {
    const out = ['--out', at('refused')]
    expect(await refusal('train', at('letters.txt'), '--init-from', at(model), ...args, ...out)).toMatch(message)
    expect(existsSync(at('refused'))).toBe(false)
  })

  test('--no-clean is refused with a model of cleaned text, and accepted with another', async () => {
    const args = ['train', at('letters.txt'), '--no-clean', ...small, '--out', at('said'), '--init-from']
    expect(await refusal(...args, altered('default', { clean: true }))).toMatch(
      /^error: train: --no-clean contradicts .*, which was trained on cleaned text; leave it out/,
    )
    await done(...args, at('raw'))
  })

  test('without a text, uses the one that the model was trained on', async () => {
    const { stdout } = await done('train', '--init-from', at('raw'), ...small, '--out', at('again'))
    expect(stdout).toContain(`text: ${at('sea.txt')} (${text.length.toLocaleString('en')} tokens)`)
    const { config } = await loadModel(at('raw'))
    expect((await loadModel(at('again'))).config.training).toMatchObject({ fingerprint: config.training!.fingerprint! })
  })

  test('--extend-vocab says if there are no new tokens', async () => {
    const { stdout } = await done(
      'train',
      at('sea.txt'),
      '--init-from',
      at('raw'),
      '--extend-vocab',
      ...small,
      '--out',
      at('same'),
    )
    expect(stdout).toContain('no new rows: the model knows every token of the text')
  })
})

describe('eval and calibrate without a text take the one that the model was trained on', () => {
  test('eval: the same as with its name', async () => {
    for (const more of [[], ['--split', 'validation'], ['--split', 'test']]) {
      const [named, own] = [
        await json('eval', at('raw'), at('sea.txt'), ...more),
        await json('eval', at('raw'), ...more),
      ]
      expect(own).toEqual({ ...named, text: at('sea.txt') })
    }
    const { tokens } = await json('eval', at('raw'))
    expect(tokens).toBe(text.length - 1)
  })

  test('calibrate: the calibrated model knows its text, too', async () => {
    const { tokens } = (await json('calibrate', at('raw'), '--out', at('calm'))).before
    expect(tokens).toBe(Math.floor(text.length * 0.2) - 1)
    expect((await json('eval', at('calm'))).tokens).toBe(text.length - 1)
  })

  test('calibrated again: the temperatures multiply', async () => {
    const first = await json('calibrate', at('raw'), '--out', at('once'))
    writeFileSync(at('sorted.txt'), text.split(' ').sort().join(' '))
    const second = await json('calibrate', at('once'), at('sorted.txt'), '--split', 'all', '--out', at('twice'))
    const { temperature } = (await loadModel(at('twice'))).config.training!
    expect(second.temperature).not.toBeCloseTo(1, 2)
    expect(temperature).toBeCloseTo(first.temperature * second.temperature, 10)
  })

  test('a text of which the training used only the beginning', async () => {
    await done('train', at('sea.txt'), '--max-tokens', '400', ...small, '--validation', '0.2', '--out', at('part'))
    expect((await json('eval', at('part'), '--split', 'validation')).tokens).toBe(400 * 0.2 - 1)
  })

  test('The Time Machine, or its substitute offline, for a model trained on it', async () => {
    expect((await json('eval', at('book'))).text).toMatch(/^Moby Dick/)
    expect((await json('eval', at('book'), '--split', 'train')).tokens).toBe(10_000 - 1)
    vi.stubEnv('UNROLLED_DATA', folder)
    writeFileSync(at('timemachine.txt'), text)
    expect(await refusal('eval', at('book'))).toMatch(/The Time Machine .* is not the same text that .*book was/)
    vi.stubEnv('UNROLLED_DATA', '')
  })

  test('if the text is gone or has changed, they ask for one', async () => {
    const asks = async (message: RegExp) => {
      expect(await refusal('eval', at('raw'))).toMatch(message)
      expect(await refusal('calibrate', at('raw'), '--out', at('refused'))).toMatch(message)
      expect(await refusal('train', '--init-from', at('raw'), ...small, '--out', at('refused'))).toMatch(message)
    }
    renameSync(at('sea.txt'), at('moved.txt'))
    await asks(
      /the text that .*raw was trained on cannot be read \(.*sea\.txt: there is no such file[^)]*\); name a text/,
    )
    writeFileSync(at('sea.txt'), text.replace('shells', 'smells'))
    await asks(/sea\.txt is not the same text that .*raw was trained on; name the text to use/)
    renameSync(at('moved.txt'), at('sea.txt'))
    appendFileSync(at('sea.txt'), 'x')
    await asks(/is not the same text/)
    writeFileSync(at('sea.txt'), text)
    expect((await json('eval', at('raw'))).tokens).toBe(text.length - 1)
    expect(existsSync(at('refused'))).toBe(false)
  })

  test.each([
    [{ texts: undefined }, /does not say which text it was trained on, expected a text; name one/],
    [{ fingerprint: undefined }, /does not say which text it was trained on, expected a text; name one/],
    [{ texts: ['-'] }, /was trained on standard input, expected a text; name one, or - again/],
  ])('a model that records %j about its text', async (training, message) => {
    expect(await refusal('eval', altered('raw', training))).toMatch(message)
  })

  test.each(['eval', 'calibrate'])('%s refuses the other way of cleaning', async (command) => {
    const more = command === 'eval' ? [] : ['--out', at('refused')]
    expect(await refusal(command, at('raw'), at('sea.txt'), '--clean', ...more)).toMatch(
      /--clean contradicts .*raw, which was trained on text as it is; leave it out/,
    )
    expect(await refusal(command, altered('default', { clean: true }), at('sea.txt'), '--no-clean', ...more)).toMatch(
      /--no-clean contradicts .*, which was trained on cleaned text; leave it out/,
    )
    expect(existsSync(at('refused'))).toBe(false)
  })
})

describe('calibrate saves only what is better', () => {
  test('for a text on which the model is always wrong, the temperature ends at its bound', async () => {
    writeFileSync(at('noise.txt'), 'Ω'.repeat(200))
    const message = await refusal('calibrate', at('raw'), at('noise.txt'), '--split', 'all', '--out', at('refused'))
    expect(message).toMatch(/no temperature makes .*raw better on .*noise\.txt: the search ended at 4096/)
    expect(existsSync(at('refused'))).toBe(false)
  })

  test('for a model with uniform predictions, no temperature changes the loss', async () => {
    const { model, vocab, config } = await loadModel(at('raw'))
    for (const { data } of model.linear.parameters()) data.fill(0)
    await saveModel(at('unsure'), model, vocab, config.training)
    expect(await refusal('calibrate', at('unsure'), '--out', at('refused'))).toMatch(
      /no temperature makes .*unsure better on .*: the search ended at 1\.000, with a loss of (\d\.\d{4}) instead of \1;/,
    )
    expect(existsSync(at('refused'))).toBe(false)
  })
})

describe('a prefix is treated as the text of the model was', () => {
  test('cleaned: capitals become lower case, and other characters become spaces', async () => {
    const { text } = await json(
      'generate',
      altered('default', { clean: true }),
      '--prefix',
      'She 3 SELLS ',
      '--length',
      '0',
    )
    expect(text).toBe('she sells ')
  })

  test('as it is', async () => {
    expect((await json('generate', at('raw'), '--prefix', 'SEA-3', '--length', '0')).text).toBe('SEA-3')
    expect(await refusal('generate', at('raw'), '--prefix', 'ZOE')).toMatch(/"Z", "O"/)
  })

  test('lower case alone', async () => {
    const lower = altered('raw', { lowercase: true })
    expect((await json('generate', lower, '--prefix', 'SEA-3', '--length', '0')).text).toBe('sea-3')
  })

  test('if cleaning would leave nothing, the message names the tokens that the model does not know', async () => {
    expect(await refusal('generate', altered('default', { clean: true }), '--prefix', 'Ω!')).toMatch(/"Ω", "!"/)
  })
})
