import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BuiltCommand } from './built-command.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-series-'))
const command = new BuiltCommand(folder, { ...process.env, NO_COLOR: '1' })
const at = (name: string) => path.join(folder, name)
const run = (...args: string[]) => command.run(...args)

const day = (i: number) => new Date(Date.UTC(2024, 0, 1) + i * 86_400_000).toISOString().slice(0, 10)
const value = (i: number) => 10 + 3 * (i % 7) + (i % 5)
const csv = (count: number) =>
  `date,y,wind\n${Array.from({ length: count }, (_, i) => `${day(i)},${value(i)},${i % 5}`).join('\n')}\n`
const train = [
  'train',
  'y.csv',
  '--target',
  'y',
  '--features',
  'wind',
  '--window',
  '14',
  '--horizon',
  '7',
  '--threads',
  '1',
]
const quick = ['--hidden-size', '6', '--epochs', '4', '--test', '30']

beforeAll(() => {
  writeFileSync(at('y.csv'), csv(240))
  const { status, stderr, stdout } = run(...train, ...quick, '--out', 'model')
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(stdout).toContain('y.csv: 240 values: 186 to train on, 24 to validate on, 30 for a test')
  expect(stdout).toMatch(/exponential smoothing +\S+/)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a table that is given without its columns is trained on as a text, and a note tells of them', () => {
  const { status, stderr } = run(
    'train',
    'y.csv',
    '--hidden-size',
    '4',
    '--epochs',
    '1',
    '--threads',
    '1',
    '--out',
    'text',
  )
  expect(status).toBe(0)
  expect(stderr).toMatch(/^note: y\.csv is read as a text; if it is a table, give --target for a column of numbers, or/)
})

test('a validation part that is shorter than the horizon is told of, and what it lacks', () => {
  writeFileSync(at('short.csv'), csv(60))
  const short = [
    'train',
    'short.csv',
    '--target',
    'y',
    '--window',
    '7',
    '--horizon',
    '7',
    '--threads',
    '1',
    '--epochs',
    '1',
  ]
  const told = /the validation part is shorter than the horizon of 7: .* a larger --validation has both/
  expect(run(...short, '--out', 'short').stdout).toMatch(told)
  expect(run(...short, '--validation', '0', '--out', 'none').stdout).not.toMatch(told)
  expect(run(...short, '--validation', '20', '--out', 'long').stdout).not.toMatch(told)
  const { stdout } = run('forecast', 'short', 'short.csv', '--out', 'short-next.csv', '--plot', 'short-next.svg')
  expect(stdout).toMatch(/have no interval: .*; a training with a larger --validation makes more/)
})

test('each series has a picture of its own, whatever its name, and columns in other languages hold dates', () => {
  const names = ['Avó', 'Avô', 's/o', 's\\o', 'avó']
  const rows = Array.from({ length: 60 }, (_, i) => names.map((name) => `${day(i)};${name};${value(i)}`))
  writeFileSync(at('shops.csv'), `data;loja;vendas\n${rows.flat().join('\n')}\n`)
  const shops = ['--target', 'vendas', '--series-column', 'loja', '--window', '7', '--threads', '1']
  const trained = run('train', 'shops.csv', ...shops, '--hidden-size', '4', '--epochs', '1', '--out', 'shops')
  expect(trained.stderr).toBe('')
  const { stdout } = run(
    'forecast',
    'shops',
    'shops.csv',
    '--steps',
    '2',
    '--out',
    'shops-next.csv',
    '--plot',
    'shop.svg',
  )
  const pictures = ['Avó-vendas', 'Avô-vendas', 's_o-vendas', 's_o-vendas-2', 'avó-vendas-2'].map(
    (name) => `shop-${name}.svg`,
  )
  expect(stdout).toContain(`drawn to ${pictures.join(', ')}`)
  for (const picture of pictures) expect(existsSync(at(picture))).toBe(true)
  expect(readFileSync(at('shops-next.csv'), 'utf8')).toContain(day(60))
})

test('forecasts beyond the horizon as CSV and as a picture', () => {
  const { status, stdout } = run('forecast', 'model', 'y.csv', '--steps', '10', '--hold-out', '10', '--level', '0.8')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^10 values of y after the end of y.csv, without its last 10\n/)
  const [header, ...rows] = readFileSync(at('forecast.csv'), 'utf8').trim().split('\n')
  expect(header).toBe('date,target,step,forecast,low,high,truth')
  expect(rows.map((row) => row.split(',')[0])).toEqual(Array.from({ length: 10 }, (_, i) => day(230 + i)))
  for (const [i, row] of rows.entries()) {
    const [, target, step, forecast, low, high, truth] = row.split(',')
    expect([target, Number(step), Number(truth)]).toEqual(['y', i + 1, value(230 + i)])
    expect(Number(low)).toBeLessThan(Number(forecast))
    expect(Number(high)).toBeGreaterThan(Number(forecast))
  }
  expect(readFileSync(at('forecast.svg'), 'utf8')).toContain('80 % interval')
})

test('interpolated values are not taken for true ones', () => {
  const rows = Array.from({ length: 240 }, (_, i) => `${day(i)},${i < 232 || i % 2 ? value(i) : 'NA'},${i % 5}`)
  writeFileSync(at('gaps.csv'), `date,y,wind\n${rows.join('\n')}\n`)
  const { stdout, stderr } = run('forecast', 'model', 'gaps.csv', '--gaps', 'interpolate', '--hold-out', '7')
  expect(stderr).toBe('')
  const forecasts = readFileSync(at('forecast.csv'), 'utf8').trim().split('\n').slice(1)
  const [made, truths] = [3, 6].map((column) => forecasts.map((row) => row.split(',')[column]))
  expect(truths).toEqual([233, 234, 235, 236, 237, 238, 239].map((i) => (i % 2 ? String(value(i)) : '')))
  const errors = truths.flatMap((truth, i) => (truth === '' ? [] : [Math.abs(Number(truth) - Number(made[i]))]))
  const mae = errors.reduce((sum, error) => sum + error) / errors.length
  expect(Number(/mean absolute error (\S+)/.exec(stdout)?.[1])).toBeCloseTo(mae, 3)
  const shown = run('eval', 'model', 'gaps.csv', '--gaps', 'interpolate', '--test', '7', '--split', 'test').stdout
  expect(shown).toContain('\n3 of the true values are not in the file but interpolated, and do not count\n')
})

test('columns with a comma in their names are found, and a file keeps its separator', () => {
  const rows = Array.from({ length: 80 }, (_, i) => `${day(i)};${value(i)};${i % 5};${i % 3}`)
  writeFileSync(at('sales.csv'), `date;"sales, total";"wind, mean";rain\n${rows.join('\n')}\n`)
  const begin = ['train', 'sales.csv', '--window', '7', '--hidden-size', '2', '--epochs', '1', '--threads', '1']
  const found = (...args: string[]) => {
    const { status, stderr } = run(...begin, ...args, '--out', 'sales')
    expect(status, stderr).toBe(0)
    const { targets, columns } = JSON.parse(run('info', 'sales', '--json').stdout)
    return [targets, columns]
  }
  expect(found('--target', 'sales, total')).toEqual([['sales, total'], ['sales, total']])
  const csv = () => readFileSync(at('forecast.csv'), 'utf8').split('\n')
  expect(run('forecast', 'sales', 'sales.csv').status).toBe(0)
  expect(csv()[0]).toBe('date;target;step;forecast;low;high')
  expect(csv()[1]).toMatch(/^2024-03-21;sales, total;1;/)
  const several = found('--target', '"sales, total", rain', '--features', 'wind, mean')
  expect(several).toEqual([
    ['sales, total', 'rain'],
    ['sales, total', 'rain', 'wind, mean'],
  ])
  const { stderr } = run(...begin, '--target', 'sales,total', '--out', 'none')
  expect(stderr).toContain('no column sales for --target, expected one of date, "sales, total", "wind, mean", rain')
})

test.each([
  [
    ['forecast', 'model', 'y.csv', '--out', 'model'],
    "forecast: --out is 'model', which is a folder; expected the name of",
  ],
  [
    ['forecast', 'model', 'y.csv', '--plot', 'y.csv/a.svg'],
    "--plot is 'y.csv/a.svg', but nothing can be written there",
  ],
  [['forecast', 'model', 'y.csv', '--out', './y.csv'], "forecast: --out is './y.csv', which is the file that is read"],
  [['forecast', 'model', 'y.csv', '--out', 'a.svg', '--plot', './a.svg'], "--out and --plot are both 'a.svg'"],
  [['forecast', 'model', '/dev/zero'], '/dev/zero: it is a device, expected a CSV file'],
  [['label', 'none', 'y.csv', '--out', 'y.csv'], "label: --out is 'y.csv', which is the file that is read"],
  [['import', 'y.csv', '--out', 'y.csv'], "import: --out is 'y.csv', which is the file that is read"],
  [['plot', 'model', '--out', 'y.csv/a.svg'], "plot: --out is 'y.csv/a.svg', but nothing can be written there"],
  [['label', 'none', 'y.csv', '--out', 'model'], "label: --out is 'model', which is a folder"],
  [['export', 'none', '--out', 'y.csv/a.safetensors'], "export: --out is 'y.csv/a.safetensors', but nothing"],
  [['calibrate', 'none', '--out', 'y.csv/a'], "calibrate: --out is 'y.csv/a', but nothing can be written there"],
  [['sweep', 'sweep.yaml', '--out', 'y.csv'], "sweep: --out is 'y.csv', which is a file; expected a folder"],
  [
    ['import', 'none', '--out', 'y.csv/a'],
    "import: --out is 'y.csv/a', but nothing can be written there, because a part of the path is a file; expected another place",
  ],
  [
    ['forecast', 'model', 'y.csv', '--out', '/proc/a'],
    'nothing can be written there, because no new files can be made',
  ],
  [['forecast', 'model', 'y.csv', '--out', 'a'.repeat(240)], 'whose name is too long; expected at most 200 bytes'],
  [['plot', 'model', '--out', `${'a'.repeat(300)}/b.svg`], 'whose name is too long; expected at most 200 bytes'],
])('%j is refused before the work', (args, message) => {
  writeFileSync(at('sweep.yaml'), 'texts: [y.csv]\nvary: { lr: [0.1, 0.2] }\n')
  const { status, stderr } = run(...args)
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})

test('pictures of several series have names of their own that file systems take', async () => {
  const names = ['../up', 'a/b', 'a_b', 'A_B', 'x'.repeat(300), `${'x'.repeat(300)}y`]
  const rows = names.flatMap((name) => Array.from({ length: 30 }, (_, i) => `${name},${i % 7}`))
  writeFileSync(at('names.csv'), ['s,y', ...rows].join('\n'))
  const train = ['train', 'names.csv', '--target', 'y', '--series-column', 's', '--window', '4', '--epochs', '1']
  expect(run(...train, '--out', 'names').status).toBe(0)
  const { status, stderr } = run('forecast', 'names', 'names.csv', '--out', 'names/f.csv', '--plot', 'names/f.svg')
  expect([status, stderr]).toEqual([0, ''])
  const drawn = readdirSync(at('names')).filter((name) => name.endsWith('.svg'))
  const cut = `f-${'x'.repeat(80)}`
  expect(drawn.sort()).toEqual(
    ['f-.._up-y.svg', 'f-a_b-y.svg', 'f-a_b-y-2.svg', 'f-A_B-y-3.svg', `${cut}.svg`, `${cut}-2.svg`].sort(),
  )
})

test('eval of a part that is not held out says so, and what to do', () => {
  const { status, stderr } = run('eval', 'model', 'y.csv', '--test', '0', '--split', 'test')
  expect(status).toBe(2)
  expect(stderr).toMatch(/^error: y\.csv: no --test part is held out, expected one of some length, or another part$/m)
})

test('info tells the step in words, and only options that have an effect', () => {
  const { stdout } = run('info', 'model')
  expect(stdout).toMatch(/^ {2}step +1 day$/m)
  expect(stdout).toMatch(/^ {2}schedule +cosine$/m)
  expect(stdout).not.toMatch(/plateauPatience|decay|warmup +0|nonlinearity|momentum/)
})

test('eval shows the model beside the baselines', () => {
  const { status, stdout } = run('eval', 'model', 'y.csv', '--split', 'test', '--json')
  expect(status).toBe(0)
  const { part, origins, steps, targets } = JSON.parse(stdout)
  expect([part, origins, steps]).toEqual(['test', 4, 7])
  const errors = Array.from({ length: 28 }, (_, i) => Math.abs(value(210 + i) - value(203 + i)))
  expect(targets[0].errors['seasonal naive'].mae).toBeCloseTo(errors.reduce((sum, one) => sum + one) / 28, 10)
  const names = ['the model', 'naive', 'seasonal naive', 'moving average', 'drift', 'exponential smoothing']
  expect(Object.keys(targets[0].errors)).toEqual(names)
  expect(Object.keys(targets[0].errors.drift)).toEqual(expect.arrayContaining(['mae', 'rmse', 'smape', 'mase']))
})

test('a training is resumed to the same model by the command', () => {
  const all = [...train, ...quick, '--checkpoint-steps', '3']
  expect(run(...all, '--out', 'whole').status).toBe(0)
  const other = run('train', '--resume', 'whole')
  expect(other.status).toBe(2)
  expect(other.stderr).toMatch(/^error: train: the training in whole has finished, after epoch 4; .* give --epochs a /)
  const more = run('train', '--resume', 'whole', '--epochs', '5')
  expect([more.status, more.stderr]).toEqual([0, ''])
  expect(more.stdout).toMatch(/^continuing after step \d+\nwith --epochs 5, was 4$/m)
  const epochs = readFileSync(at('whole/history.jsonl'), 'utf8').match(/"type":"epoch","epoch":\d/g)
  expect(epochs).toEqual([1, 2, 3, 4, 5].map((epoch) => `"type":"epoch","epoch":${epoch}`))
})

test('a table comes from standard input, again when the training is resumed', () => {
  const args = ['train', '-', ...train.slice(2), '--hidden-size', '4', '--epochs', '1', '--out', 'piped']
  const piped = (input: string, ...args: string[]) =>
    spawnSync(process.execPath, [path.resolve('dist/cli/main.js'), ...args], { cwd: folder, input, encoding: 'utf8' })
  const { status, stdout, stderr } = piped(csv(240), ...args)
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^standard input: 240 values: /)
  expect(run('info', 'piped', '--json').stdout).toMatch(/"targets":\["y"\],"columns":\["y","wind"\],"window":14/)
  const other = piped(csv(239), 'train', '--resume', 'piped', '--epochs', '2')
  expect([other.status, other.stderr]).toEqual([2, expect.stringMatching(/^error: standard input: the rows differ/)])
})

test('a training begins with a saved model, on other rows', () => {
  writeFileSync(at('longer.csv'), csv(300))
  const begin = ['train', 'longer.csv', '--init-from', 'model', '--epochs', '1', '--lr', '0', '--out', 'next']
  const refused = run(...begin, '--window', '5')
  expect([refused.status, refused.stderr]).toEqual([
    2,
    'error: train: --window is what the model of --init-from has of its own; leave it out\n',
  ])
  expect(run(...begin).status).toBe(0)
  const bytes = (name: string) => readFileSync(at(`${name}/model.safetensors`))
  expect(bytes('next').equals(bytes('model'))).toBe(true)
})

test('a training that diverges says what to try, without a model', () => {
  const { status, stdout, stderr } = run(
    'train',
    'y.csv',
    '--target',
    'y',
    '--lr',
    '1e30',
    '--epochs',
    '3',
    '--out',
    'exploded',
  )
  expect(stderr).toMatch(/^error: train: the loss became NaN at step \d+ .* a smaller --lr than .*\n$/)
  expect(stdout).toMatch(/^train again with --lr 0\.001$/m)
  expect(status).toBe(3)
  expect(existsSync(at('exploded/config.json'))).toBe(false)
})

describe('bad input ends in one sentence and exit code 2, with nothing written', () => {
  test.each<[what: string, args: string[], message: RegExp]>([
    [
      'a missing file',
      ['train', 'no.csv', '--target', 'y'],
      /^error: no.csv: there is no such file, expected a CSV file$/,
    ],
    [
      'a missing column',
      ['train', 'y.csv', '--target', 'z'],
      /no column z for --target, expected one of date, y, wind/,
    ],
    [
      'a long window',
      ['train', 'y.csv', '--target', 'y', '--window', '500'],
      /expected at least 501, a --window of 500 and a --horizon of 1; make them smaller/,
    ],
    ['a text file', ['train', 'text.csv', '--target', 'y'], /there is no column y/],
    [
      'a missing day',
      ['train', 'gap.csv', '--target', 'y'],
      /1 time is missing between them, .* use --gaps interpolate/,
    ],
    [
      'an option of texts',
      [...train, '--tokens', 'word'],
      /^error: train: --tokens has no effect with --target; leave it out$/,
    ],
    [
      'an option of series',
      ['train', 'y.csv', '--window', '5'],
      /^error: train: --window has no effect without --target/,
    ],
    ['a target among the features', [...train, '--features', 'y'], /y is a target and among the --features, expected/],
    ['two files', [...train, 'y.csv'], /2 files are given to train on, expected one CSV file/],
    ['a level', ['forecast', 'model', 'y.csv', '--level', '1.5'], /--level is 1.5, expected a whole percentage/],
    ['steps', ['forecast', 'model', 'y.csv', '--steps', '0'], /--steps is 0/],
    [
      'a picture of another kind',
      ['forecast', 'model', 'y.csv', '--plot', 'x.gif'],
      /--plot is 'x.gif', expected a file whose name ends in/,
    ],
    ['no model', ['forecast', 'nothing', 'y.csv'], /^error: nothing: there is no config.json/],
    [
      'too few values',
      ['forecast', 'model', 'y.csv', '--hold-out', '235'],
      /has 5 values, expected at least the model's window of 14/,
    ],
    [
      'another step',
      ['forecast', 'model', 'weeks.csv'],
      /weeks.csv: the step between two rows is 7 days, expected the model's, 1 day$/,
    ],
    [
      'no dates',
      ['forecast', 'model', 'undated.csv'],
      /undated.csv: there are no dates, expected a column of dates in the model's step of 1 day$/,
    ],
    ['a date twice', ['forecast', 'model', 'twice.csv'], /several series in one file need --series-column of train,/],
    ['other columns', ['forecast', 'model', 'other.csv'], /there is no column wind for --features of train, expected/],
    ['generating', ['generate', 'model'], /the model is one of series of numbers, expected one of texts/],
    ['an option of text models', ['eval', 'model', 'y.csv', '--orders', '2'], /--orders is for models of texts/],
  ])('%s', (_what, args, message) => {
    writeFileSync(at('text.csv'), 'It was a dark and stormy night; the rain fell\nin torrents; except at\n')
    writeFileSync(at('undated.csv'), csv(100).replace('date', 'when'))
    writeFileSync(at('twice.csv'), csv(100).replace('2024-01-09', '2024-01-08'))
    writeFileSync(at('other.csv'), csv(100).replace('wind', 'rain'))
    writeFileSync(at('gap.csv'), csv(100).replace(/2024-01-09.*\n/, ''))
    writeFileSync(
      at('weeks.csv'),
      `date,y,wind\n${Array.from({ length: 60 }, (_, i) => `${day(7 * i)},${i},1`).join('\n')}\n`,
    )
    const out = args[0] === 'train' ? ['--out', 'bad'] : args[0] === 'forecast' ? ['--out', 'bad'] : []
    const { status, stdout, stderr } = run(...args, ...out)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.trim()).toMatch(message)
    expect(stderr.trim()).not.toContain('\n')
    expect(existsSync(at('bad'))).toBe(false)
  })
})
