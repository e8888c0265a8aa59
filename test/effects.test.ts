import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { trainingOptions } from '../src/cli/training-flags.js'
import { run } from './run-command.js'

// Every option on the command line either changes something or is refused. None is silently ignored.

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-effects-'))
const at = (name: string) => path.join(folder, name)
const small = ['--hidden-size', '8', '--batch-size', '4', '--num-steps', '8', '--epochs', '2', '--threads', '1']
let number = 0

beforeAll(async () => {
  vi.stubEnv('UNROLLED_CACHE', at('cache'))
  vi.stubEnv('NO_COLOR', '1')
  writeFileSync(at('fox.txt'), 'The quick brown fox jumps over the lazy dog; 3 dogs sleep.\n'.repeat(8))
  writeFileSync(at('new.txt'), 'Señor Núñez knows 7 foxes & 12 dogs (all of them lazy).\n'.repeat(8))
  expect((await run(['train', at('fox.txt'), ...small, '--out', at('base')])).code).toBe(0)
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** Everything that can be seen of a training, except how long it took. */
async function trained(args: readonly string[], text = 'fox.txt') {
  const out = at(`run-${number++}`)
  const { code, stdout, stderr } = await run(['train', at(text), ...small, ...args, '--out', out])
  const model = path.join(out, 'model.safetensors')
  const seen = {
    model: existsSync(model) ? readFileSync(model).toString('base64') : '',
    files: existsSync(out) ? readdirSync(out).map((name) => name.replace(/\d{5,}.*/, '')) : [],
    stdout: stdout
      .replaceAll(out, 'OUT')
      .replace(/[\d.]+ tokens\/sec|after [\d:]+|"(tokensPerSecond|seconds)":[\d.]+/g, ''),
  }
  return { code, stderr, seen }
}

/** The trainings that options are compared with, each of which several options have in common. */
const compared = new Map<string, ReturnType<typeof trained>>()
function without(args: readonly string[]) {
  const name = args.join(' ')
  if (!compared.has(name)) compared.set(name, trained(args))
  return compared.get(name)!
}

/** A value for each option that is not its default. */
const values: Record<string, string[]> = {
  cell: ['gru'],
  nonlinearity: ['relu'],
  projSize: ['5'],
  peepholes: [],
  hiddenSize: ['9'],
  numLayers: ['2'],
  embeddingSize: ['5'],
  tieWeights: [],
  layerNorm: [],
  dropout: ['0.5'],
  inputDropout: ['0.5'],
  outputDropout: ['0.5'],
  weightDropout: ['0.5'],
  variational: [],
  bidirectional: [],
  batchSize: ['3'],
  numSteps: ['7'],
  sampling: ['random'],
  maxTokens: ['300'],
  tokens: ['word'],
  encoding: ['no-such-encoding'],
  clean: [],
  validation: ['0.2'],
  test: ['0.2'],
  epochs: ['3'],
  optimizer: ['adam'],
  lr: ['0.5'],
  momentum: ['0.9'],
  nesterov: [],
  weightDecay: ['0.1'],
  clip: ['0.01'],
  clipValue: ['0.001'],
  accumulate: ['2'],
  schedule: ['cosine'],
  warmup: ['5'],
  decayEvery: ['5'],
  decay: ['0.9'],
  plateauPatience: ['1'],
  minLr: ['0.1'],
  validateEvery: ['3'],
  patience: ['1'],
  seed: ['1'],
  extendVocab: [],
  tensorboard: [],
  kernels: ['reference'],
  threads: ['2'],
  // Without an adapter it is refused.
  device: ['webgpu'],
  json: [],
}

/** Options that name places, or act only while a training runs: see cli.test.ts and resume.test.ts. */
const others = ['out', 'resume', 'initFrom', 'checkpointSteps', 'checkpointMinutes']

// Of --clean and --no-clean, the first is tried: the other is the default for a user's own text.
const flags = new Map(
  trainingOptions()
    .reverse()
    .map((option) => [option.attributeName(), option.long!]),
)

test('the list covers every option of a training', () => {
  expect(Object.keys(values).concat(others).sort()).toEqual([...flags.keys()].sort())
})

test('without another option, another training looks the same', async () => {
  expect((await trained([])).seen).toEqual((await without([])).seen)
})

describe('an option of a training by itself changes something, or is refused', () => {
  test.each(Object.keys(values))('%s', async (name) => {
    const flag = flags.get(name)!
    const [plain, withIt] = [await without([]), await trained([flag, ...values[name]])]
    expect(plain.code).toBe(0)
    if (withIt.code === 0) expect(withIt.seen).not.toEqual(plain.seen)
    else expect([withIt.code, withIt.stderr]).toEqual([2, expect.stringMatching(`^error: train: ${flag} [^\n]*\n$`)])
  })
})

// The learning rate is so large that the loss of the held-out text goes up and down.
const held = ['--validation', '0.2', '--lr', '4']
const plateau = ['--schedule', 'plateau', '--plateau-patience', '0', '--validate-every', '1', ...held]

describe('together with the options it needs, an option changes the model', () => {
  test.each<[string, string[], string[]]>([
    ['--dropout', ['--num-layers', '2'], ['0.5']],
    ['--nonlinearity', ['--cell', 'rnn'], ['relu']],
    ['--proj-size', ['--cell', 'lstm'], ['5']],
    ['--peepholes', ['--cell', 'lstm'], []],
    ['--tie-weights', ['--embedding-size', '8'], []],
    ['--variational', ['--output-dropout', '0.5'], []],
    ['--variational', ['--num-layers', '2', '--dropout', '0.5'], []],
    ['--variational', ['--embedding-size', '5', '--input-dropout', '0.5'], []],
    ['--momentum', ['--optimizer', 'sgd'], ['0.9']],
    ['--momentum', ['--optimizer', 'rmsprop'], ['0.9']],
    ['--nesterov', ['--momentum', '0.9'], []],
    ['--warmup', ['--schedule', 'cosine'], ['5']],
    ['--min-lr', ['--schedule', 'cosine'], ['0.5']],
    ['--decay-every', ['--schedule', 'step'], ['5']],
    ['--decay', ['--schedule', 'step', '--decay-every', '5'], ['0.9']],
    ['--decay', plateau, ['0.9']],
    ['--min-lr', plateau, ['3.9']],
    ['--plateau-patience', plateau.filter((word) => word !== '--plateau-patience' && word !== '0'), ['0']],
    ['--patience', [...held, '--validate-every', '1'], ['1']],
    ['--weight-decay', ['--optimizer', 'adamw'], ['0']],
  ])('%s with %j', async (flag, beside, value) => {
    const [plain, withIt] = [await without(beside), await trained([...beside, flag, ...value])]
    expect([plain.code, withIt.code], plain.stderr + withIt.stderr).toEqual([0, 0])
    expect(withIt.seen.model).not.toBe(plain.seen.model)
  })

  test('--schedule plateau with --validation', async () => {
    const plain = await without(['--validate-every', '1', ...held])
    expect((await without(plateau)).seen.model).not.toBe(plain.seen.model)
  })

  test('--validate-every with --validation sets the number of validations', async () => {
    const validations = async (...args: string[]) =>
      (await trained(['--json', ...held, ...args])).seen.stdout.match(/"type":"validation"/g)?.length
    // There is one for each epoch, or one after steps 3, 6, …, and after the last.
    expect(await validations()).toBe(2)
    expect(await validations('--validate-every', '3')).toBeGreaterThan(4)
  })

  test('--extend-vocab with --init-from, and a text of new tokens', async () => {
    const from = ['--init-from', at('base')]
    const [plain, withIt] = [await trained(from, 'new.txt'), await trained([...from, '--extend-vocab'], 'new.txt')]
    expect([plain.code, withIt.code], plain.stderr + withIt.stderr).toEqual([0, 0])
    expect(withIt.seen.stdout).not.toBe(plain.seen.stdout)
  })
})

describe('an option that would do nothing is refused, and the message names what it needs', () => {
  test.each<[string[], string]>([
    [['--nonlinearity', 'relu', '--cell', 'lstm'], '--nonlinearity has no effect without --cell rnn'],
    [['--nonlinearity', 'relu', '--cell', 'gru'], '--nonlinearity has no effect without --cell rnn'],
    [['--layer-norm', '--cell', 'mingru'], '--layer-norm has no effect without --cell rnn, gru or lstm'],
    [
      ['--weight-dropout', '0.5', '--cell', 'minlstm'],
      '--weight-dropout has no effect without --cell rnn, gru or lstm',
    ],
    [['--dropout', '0.5'], '--dropout has no effect without --num-layers 2'],
    [['--variational', '--dropout', '0.5', '--output-dropout', '0'], '--dropout has no effect'],
    [['--variational', '--weight-dropout', '0.5'], '--variational has no effect'],
    [['--momentum', '0.9', '--optimizer', 'adam'], '--momentum has no effect without --optimizer sgd or rmsprop'],
    [['--nesterov', '--optimizer', 'sgd'], '--nesterov has no effect without --momentum'],
    [['--nesterov', '--momentum', '0.9', '--optimizer', 'rmsprop'], '--nesterov has no effect'],
    [['--schedule', 'plateau'], '--schedule has no effect without --validation'],
    [['--warmup', '5', '--schedule', 'step'], '--warmup has no effect without --schedule cosine'],
    [['--decay-every', '5', '--schedule', 'cosine'], '--decay-every has no effect without --schedule step'],
    [['--decay', '0.9', '--schedule', 'cosine'], '--decay has no effect without --schedule step or plateau'],
    [['--plateau-patience', '5', '--schedule', 'step'], '--plateau-patience has no effect'],
    [['--min-lr', '0.1', '--schedule', 'step', '--decay-every', '5'], '--min-lr has no effect'],
    [['--validate-every', '5'], '--validate-every has no effect without --validation'],
    [['--patience', '5', '--test', '0.1'], '--patience has no effect without --validation'],
    [['--extend-vocab'], '--extend-vocab has no effect without --init-from'],
    [['--threads', '3', '--kernels', 'reference'], '--threads has no effect without --kernels wasm or blas'],
  ])('%j', async (args, message) => {
    const { code, stderr } = await trained(args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(`error: train: ${message}`)])
    expect(stderr).toMatch(/^[^\n]*; add that, or leave --[a-z-]+ out\n$/)
  })

  test.each([
    ['--momentum=0', '--optimizer', 'adam'],
    ['--dropout=0'],
    ['--warmup=0'],
    ['--patience=all'],
    ['--decay=0.5'],
  ])('the default value of an option may be given: %s', async (...args) => {
    const [plain, withIt] = [await without(args.slice(1)), await trained(args)]
    expect([plain.code, withIt.code]).toEqual([0, 0])
    expect(withIt.seen).toEqual(plain.seen)
  })

  test.each([
    ['step', []],
    ['plateau', ['--validation', '0.2']],
  ])('--schedule %s in a training that ends before the first change', async (kind, beside) => {
    const { code, stderr } = await trained(['--schedule', kind, ...beside])
    expect(code).toBe(0)
    expect(stderr).toMatch(
      new RegExp(`^warning: --schedule ${kind} has no effect: .* after \\d+ steps at the earliest`, 'm'),
    )
    const changes = kind === 'step' ? ['--decay-every', '5'] : ['--validate-every', '1', '--plateau-patience', '0']
    expect((await trained(['--schedule', kind, ...changes, ...beside])).stderr).not.toContain('warning')
  })
})

describe('the other commands', () => {
  test.each<[string[], string]>([
    [['book', '--kernels', 'reference', '--threads', '3', '--out', 'new'], 'book: --threads has no effect'],
    [['generate', 'base', '--seed', '3'], 'generate: --seed has no effect without an option that draws'],
    [['generate', 'base', '--seed', '3', '--beams', '2'], 'generate: --seed has no effect'],
    [['generate', 'base', '--top-k', '3', '--temperature', '0'], 'generate: --top-k has no effect'],
    [['generate', 'base', '--top-p', '0.5', '--temperature', '0'], 'generate: --top-p has no effect'],
    [['generate', 'base', '--min-p', '0.5', '--temperature', '0'], 'generate: --min-p has no effect'],
    [['generate', 'base', '--repetition-window', '3'], 'generate: --repetition-window has no effect'],
    [['eval', 'base', 'fox.txt', '--test', '0.2'], 'eval: --test has no effect without --split'],
    [
      ['eval', 'base', 'fox.txt', '--validation', '0.2', '--baseline', 'new.txt'],
      'eval: --validation has no effect without --split',
    ],
    [
      ['calibrate', 'base', 'fox.txt', '--split', 'all', '--validation', '0.2', '--out', 'new'],
      'calibrate: --validation has no effect without --split validation or test',
    ],
    [
      ['calibrate', 'base', 'fox.txt', '--split', 'all', '--test', '0.2', '--out', 'new'],
      'calibrate: --test has no effect without --split validation or test',
    ],
    [['data', 'fox.txt', '--validation', '0', '--orders', '3'], 'data: --orders has no effect'],
  ])('%j', async (args, message) => {
    const places = new Set(['base', 'fox.txt', 'new.txt', 'new'])
    const { code, stderr } = await run(args.map((word) => (places.has(word) ? at(word) : word)))
    expect([code, stderr]).toEqual([2, expect.stringContaining(`error: ${message}`)])
  })

  test.each([
    [
      ['--seed', '3'],
      ['--temperature', '1'],
    ],
    [
      ['--seed', '3'],
      ['--top-k', '5'],
    ],
    [
      ['--repetition-window', '2'],
      ['--repetition-penalty', '5'],
    ],
    [
      ['--top-p', '0.3'],
      ['--temperature', '2'],
    ],
  ])('generate %j with %j', async (args, beside) => {
    const text = (...more: string[]) => run(['generate', at('base'), '--length', '60', ...beside, ...more])
    const [plain, withIt] = [await text(), await text(...args)]
    expect([plain.code, withIt.code]).toEqual([0, 0])
    expect(withIt.stdout).not.toBe(plain.stdout)
  })
})
