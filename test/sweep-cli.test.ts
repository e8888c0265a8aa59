import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FolderStore, fileTexts, loadModel, readHistory, startRun } from '../src/node.js'
import { BuiltCommand } from './built-command.js'

// The built command sweeps over small models; `npm test` builds it first.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-sweep-'))
const at = (...names: string[]) => path.join(folder, ...names)
const command = new BuiltCommand(folder)
const main = path.resolve('dist/cli/main.js')

const file = `
texts: [text.txt]
options: { epochs: 4, clip-value: all, batch-size: 2, num-steps: 6, checkpoint-steps: 9, validation: 0.2 }
search: grid
vary:
  hidden-size: [2, 12]
  lr: [0.02, 1, 1e30, 1e39]
halving: { first: 2, factor: 3 }
`

beforeAll(() => {
  writeFileSync(at('text.txt'), 'the quick brown fox jumps over the lazy dog. '.repeat(12))
  writeFileSync(at('sweep.yaml'), file)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Result {
  trial: number
  epochs: number
  loss?: number
}

const resultsIn = (name: string): Result[] =>
  (JSON.parse(readFileSync(at(name, 'sweep.json'), 'utf8')).results as Result[])
    .map(({ trial, epochs, loss }) => ({ trial, epochs, loss }))
    .sort((a, b) => a.epochs - b.epochs || a.trial - b.trial)

let whole: Result[]

test('a sweep finds the model with the lowest held-out loss, and says which option mattered', async () => {
  const { status, stdout, stderr } = command.run('sweep', 'sweep.yaml', '--out', 'whole', '--json')
  expect(stderr).toContain('8 trials, all combinations; the best 1/3 go on after 2 of 4 epochs')
  expect(status).toBe(0)
  whole = resultsIn('whole')
  expect(whole.filter(({ epochs }) => epochs === 2).map(({ trial }) => trial)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  // With a learning rate of 1e30 the loss is huge, with one of 1e39 NaN, and a third of eight trials goes on.
  expect(whole.filter(({ loss }) => loss === undefined).map(({ trial }) => trial)).toEqual([3, 4, 7, 8])
  const first = whole.filter(({ epochs, loss }) => epochs === 2 && loss !== undefined)
  const finalists = first.sort((a, b) => a.loss! - b.loss!).slice(0, 2)
  const last = whole.filter(({ epochs }) => epochs === 4)
  expect(last.map(({ trial }) => trial)).toEqual(finalists.map(({ trial }) => trial).sort())
  const best = last.reduce((a, b) => (a.loss! < b.loss! ? a : b))
  const done = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .at(-1)
  expect(done).toMatchObject({ type: 'done', best: { trial: best.trial, loss: best.loss }, plot: 'whole/sweep.svg' })
  expect(done.importance.lr).toBeGreaterThan(done.importance.hiddenSize)
  const history = await readHistory(at(done.best.model, 'history.jsonl'))
  const losses = history.flatMap((event) => (event.type === 'validation' ? event.loss : []))
  expect(best.loss).toBe(Math.min(...losses))
  expect((await loadModel(at(done.best.model))).model.rnn.hiddenSize).toBe(done.best.options.hiddenSize)
  const plot = readFileSync(at('whole', 'sweep.svg'), 'utf8')
  for (const text of ['lr explains', 'hidden-size explains', 'trained for 4 epochs']) expect(plot).toContain(text)
})

test('plot shows the trials of a sweep', () => {
  const { status, stdout, stderr } = command.run('plot', 'whole', '--json', '--out', at('trials.svg'))
  expect(status, stderr).toBe(0)
  const names = JSON.parse(stdout).runs.map(({ run }: { run: string }) => run)
  expect(names).toEqual(expect.arrayContaining(['whole/1', 'whole/2', 'whole/5', 'whole/6']))
})

test('a sweep that is killed again and again ends with the same results', async () => {
  const begun = () => (existsSync(at('killed', 'sweep.json')) ? resultsIn('killed').length : 0)
  // Before the first result, a little after one, and after the last one of the first epochs: trainings run at all three.
  for (const results of [0, 1, 8]) {
    const child = spawn(process.execPath, [main, 'sweep', 'sweep.yaml', '--out', 'killed', '--parallel', '2'], {
      cwd: folder,
      stdio: 'ignore',
    })
    const closed = new Promise((resolve) => child.on('close', resolve))
    while (child.exitCode === null && begun() < results) await setTimeout(5)
    await setTimeout(results === 0 ? 300 : 40)
    child.kill('SIGKILL')
    await closed
  }
  const { status, stderr } = command.run('sweep', 'sweep.yaml', '--out', 'killed')
  expect(stderr).not.toContain('error')
  expect(status).toBe(0)
  expect(resultsIn('killed')).toEqual(whole)
  expect(readdirSync(at('killed')).sort()).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', 'sweep.json', 'sweep.svg'])
})

test('a trial that was stopped after its first step, with a model that was not bad yet, ends as it would have', async () => {
  const options = {
    hiddenSize: 2,
    lr: 1e30,
    epochs: 2,
    clipValue: Infinity,
    batchSize: 2,
    numSteps: 6,
    validation: 0.2,
  }
  const stop = new AbortController()
  const store = new FolderStore(at('begun', '2'))
  const run = await startRun(store, fileTexts([at('text.txt')]), { ...options, threads: 1 }, { signal: stop.signal })
  for await (const { type } of run.events()) if (type === 'step') stop.abort()
  await run.close()
  expect(await store.names()).toContain('config.json')
  const settings = file
    .replace('epochs: 4', 'epochs: 2')
    .replace('[2, 12]', '[2]')
    .replace(/lr: .*/, 'lr: [1, 1e30]')
  writeFileSync(at('begun.yaml'), settings.replace(/halving: .*/, ''))
  const { status, stderr } = command.run('sweep', 'begun.yaml', '--out', 'begun')
  expect(stderr).not.toContain('error')
  expect(status).toBe(0)
  expect(resultsIn('begun').map(({ trial, loss }) => [trial, loss])).toEqual([
    [1, whole[1].loss],
    [2, undefined],
  ])
})

test('results that were lost, although their trainings had ended, come again as they were', () => {
  const json = at('killed', 'sweep.json')
  const kept = JSON.parse(readFileSync(json, 'utf8'))
  // Of each kind one: good and bad losses, none, and the end of all epochs.
  const results = kept.results.filter(({ trial }: Result) => trial > 4)
  expect(results).toHaveLength(5)
  writeFileSync(json, JSON.stringify({ ...kept, results }))
  expect(command.run('sweep', 'sweep.yaml', '--out', 'killed').status).toBe(0)
  expect(resultsIn('killed')).toEqual(whole)
})

test('the same command after the end shows the results again, and another sweep is refused there', () => {
  const again = command.run('sweep', 'sweep.yaml', '--out', 'whole')
  expect(again).toMatchObject({ status: 0 })
  expect(again.stdout).toMatch(/best: trial \d \(hidden-size 12, lr (1|0\.02)\), perplexity/)
  writeFileSync(at('other.yaml'), file.replace('[2, 12]', '[2, 13]'))
  const other = command.run('sweep', 'other.yaml', '--out', 'whole')
  expect(other.status).toBe(2)
  expect(other.stderr).toBe(
    'error: whole: a sweep with other settings began there; restore its settings, or choose another folder with --out\n',
  )
})

test.each([
  ['no such file', 'missing.yaml', undefined, 'missing.yaml: there is no such file'],
  ['a folder', '.', undefined, '.: it is not a file'],
  ['what is not YAML', 'a.yaml', 'vary: [', 'a.yaml: it is not YAML: '],
  ['several documents', 'g.yaml', 'vary: {}\n---\nvary: {}\n', 'g.yaml: it holds several documents of YAML'],
  ['an empty file', 'b.yaml', '', 'b.yaml: it holds no settings, expected'],
  [
    'a text that is missing',
    'c.yaml',
    file.replace('text.txt', 'no.txt'),
    `${at('no.txt')}: there is no such file or directory`,
  ],
  [
    'options that contradict each other',
    'd.yaml',
    file.replace('epochs: 4', 'epochs: 4, warmup: 3'),
    'd.yaml: trial 1: warmup ',
  ],
  [
    'an option without the one that it needs',
    'f.yaml',
    file.replace('epochs: 4', 'epochs: 4, dropout: 0.5'),
    'f.yaml: trial 1: dropout has no effect without num-layers 2 or more; add that, or leave dropout out',
  ],
  [
    'a text too short for the steps of one trial',
    'g.yaml',
    file.replace(', num-steps: 6', '').replace('vary:', 'vary:\n  num-steps: [6, 900]'),
    'g.yaml: trial 9: the training part of the text has 432 tokens, expected at least 2701 for one batch of 2 × 900; use a longer text, or a smaller batch-size or num-steps',
  ],
  [
    'a held-out part without tokens',
    'h.yaml',
    file.replace('validation: 0.2', 'validation: 0.0001'),
    'sweep: validation is 0.0001, which is less than one of 540 tokens',
  ],
  [
    'The Time Machine, too short for a batch',
    'i.yaml',
    file.replace('texts: [text.txt]', '').replace('batch-size: 2', 'batch-size: 2000'),
    'i.yaml: trial 1: the training part of the text has 8000 tokens, expected at least 12007',
  ],
  [
    'a number out of range',
    'e.yaml',
    file.replace('[2, 12]', '[0]'),
    'e.yaml: vary.hidden-size.0 is 0, expected a whole number of 1 or more',
  ],
])('%s gets one sentence', (_name, file, content, message) => {
  if (content !== undefined) writeFileSync(at(file), content)
  const { status, stdout, stderr } = command.run('sweep', file, '--out', `bad ${file}`, '--parallel', '1', '--json')
  expect(stdout).toBe('')
  const lines = stderr.trim().split('\n')
  expect(lines.at(-1)).toContain(`error: ${message}`)
  expect(lines.filter((line) => line.includes('error'))).toHaveLength(1)
  expect(existsSync(at(`bad ${file}`))).toBe(false)
  expect(status).toBe(2)
})

test('a sweep all of whose trainings explode has the exit code of a training that does', () => {
  writeFileSync(
    at('bad.yaml'),
    file.replace(/hidden-size.*\n.*lr.*\n/, 'lr: [1e30, 1e39]\n').replace(/halving.*\n/, ''),
  )
  const { status, stderr } = command.run('sweep', 'bad.yaml', '--out', 'bad')
  expect(stderr).toMatch(/^error: sweep: every training exploded; lower lr, or give a smaller clip$/m)
  expect(status).toBe(3)
})
