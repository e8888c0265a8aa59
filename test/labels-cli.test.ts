import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classify, type Labeller, loadLabeller, parseHistory, type SequenceClassifier } from '../src/node.js'
import { run } from './run-command.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-labels-'))
const at = (name: string) => path.join(folder, name)

const stars = ['1', '3', '5']
const adjectives = [
  ['bad', 'dull', 'poor'],
  ['plain', 'usual', 'common'],
  ['good', 'fine', 'great'],
]
const rows = Array.from({ length: 90 }, (_, i) => {
  const kind = i % 3
  return `${i},"The ${['story', 'plot', 'cast'][(i >> 2) % 3]} is ${adjectives[kind][(i * 7) % 3]}, I say",${stars[kind]}`
})
const csv = (lines: readonly string[]) => `id,review,stars\n${lines.join('\n')}\n`
const columns = ['--text-column', 'review', '--label-column', 'stars']
const train = ['train', at('reviews.csv'), ...columns, '--tokens', 'word', '--hidden-size', '8', '--threads', '1']
const model = at('model')

beforeAll(async () => {
  writeFileSync(at('reviews.csv'), csv(rows))
  const { code, stdout, stderr } = await run([...train, '--test', '0.2', '--epochs', '8', '--out', model])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('texts of review: 63 to train on, 9 to validate on, 18 for a test\nlabels: 1, 3, 5\n')
  expect(stdout).toMatch(/^held-out loss \S+ at step \d+, whose model is kept$/m)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cells = (line: string) => line.trim().split(/ {2,}/)

test('eval gives the metrics of scikit-learn, from the predictions that label makes', async () => {
  const { code, stdout } = await run(['eval', model, at('reviews.csv'), '--json'])
  expect(code).toBe(0)
  const found = JSON.parse(stdout)
  expect((await run(['label', model, at('reviews.csv'), '--out', at('labelled.csv')])).code).toBe(0)
  const lines = readFileSync(at('labelled.csv'), 'utf8').trim().split('\n')
  expect(lines[0]).toBe('id,review,stars,label,probability')
  const predicted = lines.slice(1).map((line) => /,(\d),(\d),(0\.\d{4}|1\.0000)$/.exec(line)!)
  expect(predicted.map(([, truth]) => truth)).toEqual(rows.map((row) => row.at(-1)))
  const count = (a: string, b: string) => predicted.filter(([, truth, given]) => truth === a && given === b).length
  const confusion = stars.map((truth) => stars.map((given) => count(truth, given)))
  expect(found.confusion).toEqual(confusion)
  expect(found.accuracy).toBe(stars.reduce((sum, _, i) => sum + confusion[i][i], 0) / 90)
  stars.forEach((_, i) => {
    const given = confusion.reduce((sum, row) => sum + row[i], 0)
    expect(found.perLabel[i].precision).toBe(given ? confusion[i][i] / given : 0)
    expect(found.perLabel[i].recall).toBe(confusion[i][i] / 30)
  })
  expect(found.macroF1).toBeCloseTo(found.perLabel.reduce((sum: number, { f1 }: { f1: number }) => sum + f1, 0) / 3, 12)
})

test('eval reads the part that the training held out, and shows tables', async () => {
  const { stdout } = await run(['eval', model, at('reviews.csv'), '--split', 'test'])
  const lines = stdout.split('\n')
  expect(lines[0]).toMatch(/^on the test part, 18 texts: accuracy \S+ %, macro F1 \S+, loss \S+ nats$/)
  expect(cells(lines[1])).toEqual(['label', 'precision', 'recall', 'F1', 'texts'])
  expect(lines.slice(2, 5).map((line) => cells(line).at(-1))).toEqual(['6', '6', '6'])
  expect(cells(lines[6])).toEqual(stars)
  const matrix = lines.slice(7, 10).map((line) => cells(line).slice(1).map(Number))
  expect(matrix.map((row) => row.reduce((a, b) => a + b))).toEqual([6, 6, 6])
})

test('label writes the file again, with its separator, with labels and probabilities, those of the library', async () => {
  const texts = ['A good, good cast', 'say "plain"', 'un;heard']
  writeFileSync(at('new.csv'), 'label;text\nx;A good, good cast\ny;"say ""plain"""\nz;"un;heard"\n')
  const { code, stdout } = await run(['label', model, at('new.csv'), '--text-column', 'text'])
  const made = await classify((await loadLabeller(model)) as Labeller<SequenceClassifier>, texts)
  const end = made.map(({ label, probabilities }) => `${label};${Math.max(...probabilities).toFixed(4)}`)
  const expected = [`x;A good, good cast;${end[0]}`, `y;"say ""plain""";${end[1]}`, `z;"un;heard";${end[2]}`]
  expect([code, stdout]).toEqual([0, `label;text;label_2;probability\n${expected.join('\n')}\n`])
  const lines = (await run(['label', model, at('new.csv'), '--text-column', 'text', '--json'])).stdout
    .trim()
    .split('\n')
  expect(lines.map((line) => JSON.parse(line).row)).toEqual([2, 3, 4])
  expect(Object.values(JSON.parse(lines[0]).probabilities)).toEqual(made[0].probabilities)
})

test('info and plot take the model', async () => {
  const { stdout } = await run(['info', model, '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ cell: 'gru', hiddenSize: 8, labels: stars, textColumn: 'review' })
  expect(JSON.parse(stdout).shapes['linear.weight']).toEqual([3, 8])
  expect((await run(['info', model])).stdout).toMatch(/^ {2}labels {21}1,3,5$/m)
  const plot = await run(['plot', model, '--out', at('plot.svg')])
  expect([plot.code, existsSync(at('plot.svg'))]).toEqual([0, true])
  expect(plot.stdout).not.toContain('perplexity')
  const none = await run(['plot', model, '--y', 'perplexity', '--out', at('none.svg')])
  expect(none.stderr).toMatch(/no run has a value of perplexity that can be drawn$/m)
})

test('a training that explodes says no more than it did', async () => {
  const harsh = ['--lr', '1e20', '--optimizer', 'sgd', '--clip', 'all', '--schedule', 'constant', '--epochs', '1']
  const { code, stdout, stderr } = await run([...train, ...harsh, '--json', '--out', at('exploded')])
  expect(code).toBe(3)
  expect(stderr).toMatch(/^held-out loss \S+ at step \d+$/m)
  expect(stderr).toMatch(/the model was not saved/)
  expect(stdout).toMatch(/"type":"epoch"/)
  expect(stdout).not.toContain('perplexity')
})

test('a training that diverges ends with the same exit code', async () => {
  const harsh = ['--lr', '1e39', '--clip', 'all', '--schedule', 'constant', '--epochs', '3']
  const { code, stderr } = await run([...train, ...harsh, '--out', at('diverged')])
  expect([code, stderr]).toEqual([3, expect.stringMatching(/^error: train: .* try a smaller --lr than 1e\+39/m)])
})

test('a training goes on where it was, and another begins with the model', async () => {
  const more = await run(['train', '--resume', model, '--epochs', '9'])
  expect([more.code, more.stderr]).toEqual([0, ''])
  expect(more.stdout).toMatch(/^continuing after step \d+\nwith --epochs 9, was 8$/m)
  const history = parseHistory(readFileSync(path.join(model, 'history.jsonl'), 'utf8'), 'history')
  const epochs = history.flatMap((event) => (event.type === 'epoch' ? [event.epoch] : []))
  expect(epochs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  const next = ['train', at('reviews.csv'), '--init-from', model, '--epochs', '1', '--lr', '0', '--out', at('next')]
  expect((await run(next)).code).toBe(0)
  const values = async (name: string) => {
    const { model } = await loadLabeller(name)
    return Object.values(model.stateDict()).map(({ data }) => [...data])
  }
  expect(await values(at('next'))).toEqual(await values(model))
})

describe('bad input ends in one sentence and exit code 2, with nothing written', () => {
  const files: Record<string, string> = {
    'one.csv': csv(rows.map((row) => `${row.slice(0, -1)}1`)),
    'empty.csv': csv([...rows.slice(0, 4), '4,"  ",1', ...rows.slice(5)]),
    'nothing.csv': csv([...rows.slice(0, 4), '4,"123",1', ...rows.slice(5)]),
    'rare.csv': csv([...rows, '90,something else,7']),
    'other.csv': csv([...rows.slice(0, 5), '5,"The cast is bad",1', ...rows.slice(6)]),
    'unlabelled.csv': csv([...rows.slice(0, 5), '5,"The cast is bad",']),
    'header.csv': 'id,review,stars\n',
  }
  const of = (file: string) => ['train', at(file), ...columns]
  test.each<[what: string, args: string[], message: RegExp]>([
    ['a missing file', of('no.csv'), /no\.csv: there is no such file, expected a CSV file$/],
    [
      'a missing column',
      ['train', at('reviews.csv'), '--text-column', 'text', '--label-column', 'stars'],
      /there is no column text for --text-column, expected one of id, review, stars$/,
    ],
    ['one class', of('one.csv'), /one\.csv: all labels are "1", expected at least two different ones$/],
    ['an empty text', of('empty.csv'), /empty\.csv: row 6: the text is empty, expected some tokens; leave it out$/],
    ['a text without letters', [...of('nothing.csv'), '--clean'], /nothing\.csv: row 6: nothing is left of the text/],
    ['a text without a label', of('unlabelled.csv'), /row 7: the label is empty/],
    ['a class of one text', of('rare.csv'), /rare\.csv: row 92: no other row has the label "7", expected two or more/],
    ['a file without rows', of('header.csv'), /the file has a header and no rows/],
    ['one column of two', ['train', at('reviews.csv'), '--text-column', 'review'], /expected both; name the other one/],
    ['a column twice', ['train', at('reviews.csv'), ...columns, '--label-column', 'review'], /are both review/],
    ['series and labels', [...train, '--target', 'stars'], /--text-column contradicts --target/],
    ['an option of texts', [...train, '--num-steps', '4'], /--num-steps has no effect with --text-column and/],
    ['all is held out', [...train, '--test', '0.95'], /less than 1 together/],
    ['an idle option', [...train, '--patience', '2', '--validation', '0'], /--patience has no effect without --valid/],
    ['other rows', ['train', at('other.csv'), '--resume', model, '--epochs', '20'], /the rows differ from those/],
    ['other columns', ['train', '--resume', model, '--text-column', 'id'], /--text-column cannot be changed when/],
    [
      'a label of the model’s own',
      ['train', at('reviews.csv'), '--init-from', model, '--tokens', 'char'],
      /--tokens is/,
    ],
    ['an unknown label', ['eval', model, at('rare.csv')], /row 92: the label is "7", which the model was not trained/],
    [
      'a part that is not there',
      ['eval', at('next'), at('reviews.csv'), '--split', 'test', '--test', '0'],
      /without a/,
    ],
    ['an option of series', ['eval', model, at('reviews.csv'), '--steps', '2'], /--steps is for models of series/],
    ['no file', ['eval', model], /0 files are given, expected one CSV file/],
    ['labelling an empty text', ['label', model, at('empty.csv')], /empty\.csv: row 6: the text has no tokens/],
    [
      'labelling another column',
      ['label', model, at('reviews.csv'), '--text-column', 'x'],
      /no column x for --text-column, expected/,
    ],
    ['generating', ['generate', model], /the model labels texts, expected a language model/],
    ['forecasting', ['forecast', model, at('reviews.csv')], /expected one of series/],
  ])('%s', async (_what, args, message) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text)
    const before = readFileSync(path.join(model, 'checkpoint.safetensors'))
    const writes = (args[0] === 'train' && !args.includes('--resume')) || args[0] === 'label'
    const { code, stdout, stderr } = await run([...args, ...(writes ? ['--out', at('bad')] : [])])
    expect(stderr.trim()).toMatch(message)
    expect(stderr.trim()).toMatch(/^error: /)
    expect(stderr.trim()).not.toContain('\n')
    expect([code, stdout]).toEqual([2, ''])
    expect(existsSync(at('bad'))).toBe(false)
    expect(readFileSync(path.join(model, 'checkpoint.safetensors')).equals(before)).toBe(true)
  })
})
