import { rmSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { at, folder, type Given, tryCombinations, value, type Work, wrong } from './random-options.js'
import { drawnSeries } from './random-series.js'
import { run } from './run-command.js'

// With any options, the command either does its work or says in one sentence why it does not.

/** `npm test` tries some, and UNROLLED_RUNS any number of each kind. */
const RUNS = Number(process.env.UNROLLED_RUNS ?? 0)

// A process for each trial of a sweep would take longer than its training.
vi.mock('../src/cli/trial-process.js', async () => ({
  runTrial: (await import('../src/cli/sweep/train-trial.js')).trainTrial,
}))

const small = ['--hidden-size', '4', '--batch-size', '2', '--threads', '1']
const smallText = [...small, '--num-steps', '5', '--epochs', '2']

/** Models that forecast, eval and generate use. */
const models: [name: string, files: string[], options: string[]][] = [
  ['base', ['fox.txt'], ['--num-steps', '4', '--epochs', '1']],
  [
    'words',
    ['fox.txt'],
    ['--num-steps', '4', '--epochs', '1', '--tokens', 'word', '--validation', '0.3', '--cell', 'gru'],
  ],
  ['daily', ['daily.csv'], ['--target', 'y', '--features', 'wind', '--window', '5', '--horizon', '2', '--epochs', '1']],
  [
    'shops',
    ['shops.csv'],
    ['--target', 'y,wind', '--window', '3', '--epochs', '1', '--series-column', 'shop', '--test', '9'],
  ],
  ['bare', ['bare.csv'], ['--target', 'y', '--window', '4', '--epochs', '1', '--validation', '0']],
]

beforeAll(async () => {
  vi.stubEnv('UNROLLED_CACHE', at('cache'))
  vi.stubEnv('NO_COLOR', '1')
  writeFileSync(at('fox.txt'), 'The quick brown fox jumps over the lazy dog. '.repeat(6))
  writeFileSync(at('kana.txt'), 'いろはにほへと ちりぬるを é\n'.repeat(12))
  writeFileSync(at('empty.txt'), '')
  writeFileSync(at('latin.txt'), Buffer.from('caf\xe9 '.repeat(40), 'latin1'))
  const days = Array.from({ length: 60 }, (_, i) => new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10))
  const csv = (header: string, rows: string[]) => `${[header, ...rows].join('\n')}\n`
  writeFileSync(
    at('daily.csv'),
    csv(
      'date,y,wind',
      days.map((day, i) => `${day},${i % 7},${i % 5}`),
    ),
  )
  const shops = days.flatMap((day, i) => ['a', 'b'].map((shop) => `${day},${shop},${i % 7},${(i * i) % 11}`))
  writeFileSync(at('shops.csv'), csv('date,shop,y,wind', shops))
  writeFileSync(
    at('bare.csv'),
    csv(
      'y',
      days.map((_, i) => String(i % 4)),
    ),
  )
  for (const [name, files, options] of models) {
    const ran = await run(['train', ...files.map(at), ...small, ...options, '--out', at(name)])
    expect(ran.code, ran.stderr).toBe(0)
  }
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const textOptions: Work['options'] = {
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

const seriesOptions: Work['options'] = {
  '--target': value(['y', 'wind', 'y,wind', 'y,y'], ['date', 'shop', 'no', '', ',']),
  '--features': value(['wind', 'wind,y'], ['date', 'no', '']),
  '--window': value([1, 3, 9], [...wrong, 1000]),
  '--horizon': value([1, 2, 5], [...wrong, 1000]),
  '--date-column': value(['date'], ['y', 'no', '']),
  '--series-column': value(['shop'], ['y', 'date', 'no', '']),
  '--calendar': value(
    ['none', 'weekday', 'weekday,month', 'hour', 'yearday,monthweek', 'monthday', 'weekday,weekday'],
    ['moon', '', ','],
  ),
  '--season': value([1, 2, 7], [...wrong, 100000]),
  '--gaps': value(['refuse', 'interpolate'], ['skip', '']),
  '--cell': textOptions['--cell'],
  '--nonlinearity': textOptions['--nonlinearity'],
  '--num-layers': value([1, 2], wrong),
  '--dropout': value([0, 0.3, 1], wrong),
  '--layer-norm': fc.boolean(),
  '--batch-size': value([1, 4, 1000], wrong),
  '--validation': value([0, 0.2, 5], [...wrong, 0.001, 0.9, 1000]),
  '--test': value([0, 0.1, 4], [...wrong, 0.7, 1000]),
  '--epochs': value([1, 2], wrong),
  '--lr': value([0.01, 0, 1000], [...wrong, 1e30]),
  '--weight-decay': value([0, 0.01, 10], wrong),
  '--clip': value([1, 0.1, 'all'], wrong),
  '--seed': value([0, 7, 2 ** 40], wrong),
  '--checkpoint-steps': value([2, 'all'], wrong),
  '--checkpoint-minutes': value([1, 'all'], wrong),
  '--json': fc.boolean(),
  '--kernels': textOptions['--kernels'],
  '--device': value(['cpu'], ['tpu']),
  '--resume': value([at('daily')], [at('base'), at('nothing'), at('fox.txt'), '']),
  '--tokens': value(['char'], ['line']),
  '--num-steps': value([4], wrong),
  '--init-from': value([at('base')], [at('daily')]),
}

const ofSeries = [
  '--features',
  '--window',
  '--horizon',
  '--date-column',
  '--series-column',
  '--calendar',
  '--season',
  '--gaps',
]
const labelOptions: Work['options'] = {
  ...Object.fromEntries(Object.entries(seriesOptions).filter(([name]) => !ofSeries.includes(name))),
  '--text-column': value(['text'], ['no', '', 'label']),
  '--label-column': value(['label'], ['no', '', 'text', 'n']),
  '--validation': value([0.2, 0.3, 0], [...wrong, 0.001, 5]),
  '--test': value([0, 0.2], [...wrong, 0.7, 4]),
  '--tokens': value(['char', 'word', 'byte'], ['line']),
  '--max-tokens': value([3, 100, 'all'], wrong),
  '--clean': fc.boolean(),
  '--bidirectional': fc.boolean(),
  '--embedding-size': value([3], wrong),
  '--input-dropout': value([0, 0.3, 1], wrong),
  '--output-dropout': value([0, 0.3, 1], wrong),
  '--optimizer': textOptions['--optimizer'],
  '--schedule': textOptions['--schedule'],
  '--patience': textOptions['--patience'],
  '--init-from': value([at('base')], [at('daily')]),
}

/** CSV files of labelled texts: most of them sound, and some with faults. */
const labelled: fc.Arbitrary<Given> = fc
  .record({
    rows: fc.oneof({ weight: 7, arbitrary: fc.integer({ min: 30, max: 60 }) }, fc.nat(30)),
    separator: fc.constantFrom(',', ',', ';', '\t'),
    start: fc.constantFrom('', '', '\ufeff', 'sep='),
    faults: fc.array(fc.tuple(fc.nat(40), fc.constantFrom('', '""', '"', ' ', '"a\nb"', 'é', '\0', 'x'.repeat(300))), {
      maxLength: 1,
    }),
    labels: value([2, 3], [1, 40]),
  })
  .map(({ rows, separator, start, faults, labels }) => {
    const lines = Array.from({ length: rows }, (_, row) => [
      `a text of ${'ab '.repeat(row % 5)}`,
      `l${row % Number(labels)}`,
      `${row}`,
    ])
    for (const [place, cell] of faults) if (lines[place >> 1]) lines[place >> 1][place % 2] = cell
    const text = [['text', 'label', 'n'], ...lines].map((cells) => cells.join(separator)).join('\n')
    const first = start === 'sep=' ? `sep=${separator}\n` : start
    return { words: ['train', at('labelled.csv')], files: { 'labelled.csv': first + text } }
  })

const evalOptions: Work['options'] = {
  '--split': value(['all', 'train', 'validation', 'test'], ['rest']),
  '--validation': value([0, 0.2, 5], [...wrong, 0.9, 1000]),
  '--test': value([0, 0.1, 9], [...wrong, 0.9, 1000]),
  '--encoding': textOptions['--encoding'],
  '--clean': fc.boolean(),
  '--no-clean': fc.boolean(),
  '--baseline': value([at('fox.txt'), at('kana.txt')], [at('empty.txt'), at('none.txt'), '']),
  '--orders': value([1, 3], [...wrong, 100]),
  '--steps': value([1, 2, 9], [...wrong, 1000]),
  '--stride': value([1, 3], wrong),
  '--level': value([0.5, 0.9, 0.99], [...wrong, 1, 0.905]),
  '--gaps': value(['refuse', 'interpolate'], ['skip']),
  '--device': value(['cpu'], ['tpu']),
  '--json': fc.boolean(),
}

const texts: fc.Arbitrary<Given> = fc
  .oneof(
    { weight: 8, arbitrary: fc.constantFrom(['fox.txt'], ['kana.txt'], ['fox.txt', 'kana.txt']) },
    { weight: 1, arbitrary: fc.constantFrom(['empty.txt'], ['none.txt'], ['latin.txt'], ['*.md']) },
  )
  .map((names) => ({ words: names.map(at) }))

/** The command's name, a model, and what else it is given. */
const withModel = (command: string, name: fc.Arbitrary<string>, rest: fc.Arbitrary<Given>): fc.Arbitrary<Given> =>
  fc.tuple(name, rest).map(([name, { words, files }]) => ({ words: [command, at(name), ...words], files }))

const textModels = fc.constantFrom('base', 'words', 'base', 'words', 'daily')
const noText: fc.Arbitrary<Given> = fc.constant({ words: [] })

/** A model of series, most of the time with the file that it was trained on. */
const withSeries = (command: string): fc.Arbitrary<Given> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .constantFrom('daily', 'shops', 'bare')
        .map((name) => ({ words: [command, at(name), at(`${name}.csv`)] })),
    },
    withModel(command, fc.constantFrom('daily', 'shops', 'bare', 'nothing'), drawnSeries),
    withModel(
      command,
      fc.constantFrom('daily', 'shops', 'bare', 'base', 'fox.txt'),
      fc
        .constantFrom('daily.csv', 'shops.csv', 'bare.csv', 'fox.txt', 'none.csv')
        .map((name) => ({ words: [at(name)] })),
    ),
  )

/** An option of a plan, without its dashes, and what it is given: one value of those that trainings are given. */
const planned = fc
  .constantFrom(...Object.keys(textOptions).filter((name) => !['--resume', '--json', '--kernels'].includes(name)))
  .chain((name) => textOptions[name].map((given) => [name.slice(2), given] as const))
const range = fc.record({
  from: fc.constantFrom<unknown>(1, 0.01, 2, 0, 'a'),
  to: fc.constantFrom<unknown>(3, 0.5, 1, null),
  scale: fc.constantFrom('log', 'linear', 'log', 'square'),
})
const varied = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(['lr', [0.1, 1]], ['cell', ['rnn', 'gru']], ['hidden-size', [2, 3]]) },
  fc.tuple(fc.constantFrom('lr', 'hidden-size', 'dropout', 'seed'), range),
  planned.map(([name, given]) => [name, [given]]),
)
const usually = <T>(usual: T, ...others: unknown[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant<unknown>(usual) }, fc.constantFrom(...others))

/** A file that describes a sweep. */
const plans: fc.Arbitrary<Given> = fc
  .record(
    {
      texts: usually(['fox.txt'], ['kana.txt'], ['none.txt'], 'fox.txt', [7]),
      options: fc.array(planned, { maxLength: 2 }).map((chosen) => ({
        epochs: 2,
        'batch-size': 2,
        'num-steps': 5,
        'hidden-size': 4,
        ...Object.fromEntries(chosen),
      })),
      vary: fc.array(varied, { minLength: 1, maxLength: 2 }).map((chosen) => Object.fromEntries(chosen)),
      search: usually('random', 'grid', 'best'),
      trials: usually(2, 1, 0, 1e9),
      seed: usually(0, -1, 'x'),
      halving: usually(undefined, { first: 1, factor: 2 }, { first: 5, factor: 1 }, 3),
    },
    { requiredKeys: ['texts', 'options', 'vary', 'search', 'trials'] },
  )
  .map((plan) => {
    // What varies has no value for all.
    for (const name of Object.keys(plan.vary)) delete (plan.options as Record<string, unknown>)[name]
    return { words: ['sweep', at('plan.yaml')], files: { 'plan.yaml': JSON.stringify(plan) } }
  })

const works: [runs: number, Work][] = [
  [
    150,
    {
      name: 'train on texts',
      given: texts.map(({ words }) => ({ words: ['train', ...words] })),
      fixed: smallText,
      options: textOptions,
      rare: ['--init-from', '--extend-vocab', '--resume', '--bidirectional'],
      out: (to) => ['--out', to],
      made: ['out/model.safetensors'],
    },
  ],
  [
    40,
    {
      name: 'train on series',
      given: drawnSeries.map(({ words, files }) => ({ words: ['train', ...words], files })),
      fixed: [...small, '--epochs=1', '--window=4', '--target=y'],
      options: seriesOptions,
      rare: ['--resume', '--tokens', '--num-steps', '--init-from', '--device'],
      out: (to) => ['--out', to],
      made: ['out/model.safetensors', 'out/config.json'],
    },
  ],
  [
    30,
    {
      name: 'train on labels',
      given: labelled,
      fixed: [...small, '--epochs=1', '--text-column=text', '--label-column=label'],
      options: labelOptions,
      rare: ['--target', '--init-from', '--resume', '--device', '--num-steps', '--nonlinearity', '--tokens'],
      out: (to) => ['--out', to],
      made: ['out/model.safetensors', 'out/config.json', 'out/vocab.json'],
    },
  ],
  [
    20,
    {
      name: 'forecast',
      given: withSeries('forecast'),
      fixed: [],
      options: {
        '--steps': value([1, 3, 20], [...wrong, 100000]),
        '--level': evalOptions['--level'],
        '--hold-out': value([1, 5, 30], [...wrong, 100000]),
        '--gaps': evalOptions['--gaps'],
        '--device': evalOptions['--device'],
        '--json': fc.boolean(),
      },
      rare: ['--device'],
      out: (to) => ['--out', `${to}.csv`, '--plot', `${to}.svg`],
      made: ['out.csv'],
    },
  ],
  [
    20,
    {
      name: 'eval',
      given: fc.oneof(withSeries('eval'), withModel('eval', textModels, texts), withModel('eval', textModels, noText)),
      fixed: [],
      options: evalOptions,
      rare: ['--device', '--encoding', '--clean', '--no-clean', '--baseline', '--orders'],
    },
  ],
  [
    20,
    {
      name: 'generate',
      given: withModel('generate', textModels, noText),
      fixed: ['--length=9'],
      options: {
        '--prefix': value(['the', 'The fox ', 'é'], ['']),
        '--prefix-file': value([at('fox.txt')], [at('empty.txt'), at('none.txt'), '']),
        '--encoding': textOptions['--encoding'],
        '--length': value([1, 30], wrong),
        '--stop': value(['.', 'fox'], ['']),
        '--temperature': value([0, 0.7, 1, 100], [...wrong, 1e-300]),
        '--top-k': value([1, 3, 1000], wrong),
        '--top-p': value([0.1, 0.9, 1], wrong),
        '--min-p': value([0, 0.1, 1], wrong),
        '--repetition-penalty': value([1, 1.2, 1000], wrong),
        '--repetition-window': value([1, 5], wrong),
        '--unknown': fc.boolean(),
        '--no-unknown': fc.boolean(),
        '--beams': value([1, 3], [...wrong, 1e6]),
        '--samples': value([1, 3], wrong),
        '--with-probabilities': fc.boolean(),
        '--seed': textOptions['--seed'],
        '--device': evalOptions['--device'],
        '--json': fc.boolean(),
      },
      rare: ['--device', '--encoding', '--prefix-file'],
    },
  ],
  [
    10,
    {
      name: 'sweep',
      given: plans,
      fixed: [],
      options: { '--parallel': value([1, 2], wrong), '--json': fc.boolean() },
      out: (to) => ['--out', to],
      made: ['out/sweep.json'],
    },
  ],
]

test.each(works.map(([runs, work]) => [work.name, RUNS || runs, work] as const))(
  '%s: %i random combinations of options do their work, or end in one clear sentence',
  async (_name, runs, work) => {
    const done = await tryCombinations(work, runs)
    // Of few combinations, chance may refuse all.
    if (runs >= 100) expect(done).toBeGreaterThan(runs / 10)
  },
)
