import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HistoryWriter } from '../src/node/history.js'
import { BuiltCommand } from './built-command.js'

// The built command, as a user runs it. `npm test` builds it first.
const main = path.resolve('dist/cli/main.js')
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-plot-'))
const at = (name: string) => path.join(folder, name)
const command = new BuiltCommand(folder, { ...process.env, NO_COLOR: '' })
const unrolled = (...args: string[]) => command.run('plot', ...args)

async function train(name: string, bottom: number, validated: boolean) {
  const writer = await HistoryWriter.open(path.join(at(name), 'history.jsonl'))
  for (let epoch = 1; epoch <= 12; epoch++) {
    const loss = bottom + 1 / epoch
    const running = { epochs: 12, lr: 1 / epoch, gradNorm: 1, tokensPerSecond: 1000 * bottom }
    const common = { epoch, step: 5 * epoch, loss, perplexity: Math.exp(loss) }
    await writer.write({ type: 'epoch', ...common, ...running })
    // The loss is lowest at epoch 4.
    const other = bottom + 1 + Math.abs(epoch - 4) / 10
    if (validated) {
      await writer.write({ type: 'validation', ...common, loss: other, perplexity: Math.exp(other), best: epoch < 5 })
    }
  }
}

beforeAll(async () => {
  await train('lstm', 1, true)
  await train('rnn', 2, false)
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('unrolled plot', () => {
  test('compares runs: a picture, a chart, a table', () => {
    const { status, stdout, stderr } = unrolled('lstm', 'rnn/')
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^loss over step\n/)
    for (const title of ['lstm, training', 'lstm, validation', 'rnn, training']) expect(stdout).toContain(`${title}\n`)
    expect(stdout).toMatch(/\nlstm +12 +60 +1\.0833 +2\.0000 +7\.39 +20 +1000\n/)
    expect(stdout).toMatch(/\nrnn +12 +60 +2\.0833 +none +none +none +2000\n/)
    expect(stdout).toContain('written to plot.svg')
    expect(stdout).not.toContain('\x1b')
    const svg = readFileSync(at('plot.svg'), 'utf8')
    expect(svg).toMatch(/^<svg [^>]*xmlns=/)
    for (const text of ['>Loss<', '>lstm<', '>rnn<', 'stroke-dasharray', 'dashed: validation'])
      expect(svg).toContain(text)
  })

  test('has no columns for a validation that no run had', () => {
    expect(unrolled('rnn').stdout).toMatch(/\nrun +epochs +steps +loss +tokens\/s\nrnn +12 +60 +2\.0833 +2000\n/)
  })

  test('--y, --x, --log, --smooth, --json; a single run is identified by its name', () => {
    const options = ['--y', 'perplexity', '--x', 'epoch', '--log', '--smooth', '3', '--out', 'new/one.svg', '--json']
    const { status, stdout } = unrolled('lstm', 'lstm/', ...options)
    expect(status).toBe(0)
    const { runs, plot } = JSON.parse(stdout)
    expect(plot).toBe('new/one.svg')
    expect(runs).toHaveLength(1)
    expect(runs[0]).toMatchObject({ run: 'lstm', validation: { loss: 2, step: 20 } })
    const svg = readFileSync(at('new/one.svg'), 'utf8')
    for (const text of ['>Perplexity of lstm<', '>training<', '>validation<', 'epoch →']) expect(svg).toContain(text)
  })

  test('errors that the user can fix give one line and status 2, and nothing is written', () => {
    mkdirSync(at('empty'))
    mkdirSync(at('begun'))
    writeFileSync(path.join(at('begun'), 'history.jsonl'), '')
    mkdirSync(at('broken'))
    writeFileSync(path.join(at('broken'), 'history.jsonl'), '{"type":"epoch"}\n')
    writeFileSync(at('wrong.txt'), '')
    mkdirSync(at('new-sweep'))
    writeFileSync(path.join(at('new-sweep'), 'sweep.json'), '{}')
    for (const [args, message] of [
      [['none'], /none: there is no such folder/],
      [['empty'], /empty.history\.jsonl: there is no such file/],
      [['begun'], /begun: its history is empty/],
      [['wrong.txt'], /wrong\.txt: it is a file, expected the folder of a training/],
      [['empty', 'wrong.txt'], /empty.history\.jsonl: .*none of the 2 named places has a training/],
      [['lstm', 'none'], /none: there is no such folder/],
      [['new-sweep'], /new-sweep: no trial of this sweep has begun/],
      [['broken'], /broken.history\.jsonl, line 1: /],
      [['lstm', '--out', 'wrong.pdf'], /wrong\.pdf.*\.svg or \.png/],
      [['lstm', '--y', 'accuracy'], /Allowed choices are loss, perplexity, lr, grad_norm, tokens_per_second/],
      [['lstm', '--smooth', '0'], /plot: --smooth is 0/],
      [[], /missing required argument/],
    ] as const) {
      const { status, stderr } = unrolled('--out', 'wrong.svg', ...args)
      expect(status, stderr).toBe(2)
      expect(stderr).toMatch(message)
    }
    expect(existsSync(at('wrong.svg')) || existsSync(at('wrong.pdf'))).toBe(false)
  })
})

describe('a pattern such as runs/* also finds what is no training', () => {
  // As `sweep`, `import` and `train` leave them; trial 3 has only begun.
  beforeAll(async () => {
    for (const name of ['sweep/1', 'sweep/2', 'alone']) await train(path.join('runs', name), 1, false)
    for (const name of ['sweep/3', 'sweep/notes', 'imported'])
      mkdirSync(at(path.join('runs', name)), { recursive: true })
    for (const name of ['sweep/3/history.jsonl', 'sweep/sweep.json', 'sweep/sweep.svg', 'imported/config.json']) {
      writeFileSync(at(path.join('runs', name)), '')
    }
  })
  const found = ['runs/alone', 'runs/imported', 'runs/sweep']
  const inSweep = ['1', '2', '3', 'notes', 'sweep.json', 'sweep.svg'].map((name) => `runs/sweep/${name}`)

  test.each([
    [found, ['runs/alone', 'runs/sweep/1', 'runs/sweep/2'], ['runs/imported']],
    [inSweep, ['runs/sweep/1', 'runs/sweep/2'], ['runs/sweep/notes', 'runs/sweep/sweep.json', 'runs/sweep/sweep.svg']],
    [['runs/sweep', 'runs/sweep/2'], ['runs/sweep/1', 'runs/sweep/2'], []],
  ])('plot %j shows the trainings, and a sweep as its trials', (named, shown, others) => {
    const { status, stdout, stderr } = unrolled(...named, '--json', '--out', 'pattern.svg')
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout).runs.map(({ run }: { run: string }) => run)).toEqual(shown)
    expect(stderr).toBe(others.length === 0 ? '' : `left out, because no training is there: ${others.join(', ')}\n`)
  })

  test.each([
    [found, ['alone', '1', '2', '3'], 'runs/imported'],
    [inSweep, ['1', '2', '3'], 'runs/sweep/notes, runs/sweep/sweep.json, runs/sweep/sweep.svg'],
  ])('studio %j serves them', async (named, names, others) => {
    const studio = spawn(process.execPath, [main, 'studio', ...named, '--port', '0'], { cwd: folder })
    let told = ''
    studio.stderr.on('data', (part) => (told += part))
    try {
      let url: string | undefined
      for await (const line of createInterface(studio.stdout)) {
        url = /http\S+\/(?=#)/.exec(line)?.[0]
        if (url) break
      }
      expect(await (await fetch(new URL('machine/runs.json', url))).json(), told).toEqual(names)
      expect(told).toBe(`left out, because no training is there: ${others}\n`)
    } finally {
      studio.kill()
    }
  })
})
