import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  FolderStore,
  labelFile,
  loadForecaster,
  loadLabeller,
  loadModel,
  seriesFile,
  startLabelRun,
  startSeriesRun,
} from '../node.js'
import { modelKindIn } from './model-kind.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-kinds-'))
const at = (name: string) => path.join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

writeFileSync(at('labels.csv'), `text,label\n${'good,yes\nbad,no\n'.repeat(10)}`)
writeFileSync(at('series.csv'), `y\n${'1\n2\n4\n'.repeat(20)}`)
const small = { hiddenSize: 2, epochs: 2, batchSize: 4 }

/** A training that begins in a folder. */
const begin = {
  labels: (name: string) =>
    startLabelRun(
      new FolderStore(at(name)),
      labelFile(at('labels.csv'), { textColumn: 'text', labelColumn: 'label' }),
      small,
    ),
  series: (name: string) =>
    startSeriesRun(new FolderStore(at(name)), seriesFile(at('series.csv'), { target: 'y', window: 4 }), small),
}
const words = { labels: 'labelled texts', series: 'series of numbers' }
const uses = { labels: 'label', series: 'forecast' }
const load = { labels: loadLabeller, series: loadForecaster }

test.each(['labels', 'series'] as const)(
  '%s: a folder is told apart before and after the end of its training',
  async (kind) => {
    const [stopped, whole] = [`${kind}-stopped`, `${kind}-whole`]
    let run = await begin[kind](stopped)
    // What a process that is killed leaves: checkpoints without a saved model.
    for await (const event of run.events()) if (event.type === 'epoch') break
    await run.close()
    expect(await modelKindIn(at(stopped))).toBe(kind)
    await expect(load[kind](at(stopped))).rejects.toThrow(
      `${at(stopped)}: its training on ${words[kind]} is not finished, expected the folder of a saved model; unrolled train --resume ${at(stopped)} goes on`,
    )
    await expect(loadModel(at(stopped))).rejects.toThrow(
      `the checkpoint is of a training on ${words[kind]}, expected one on a text; unrolled train --resume goes on with it, and unrolled ${uses[kind]} uses its model once that is saved`,
    )
    run = await begin[kind](whole)
    for await (const _ of run.events());
    await run.close()
    expect(await modelKindIn(at(whole))).toBe(kind)
    const other = kind === 'labels' ? 'series' : 'labels'
    const expected = {
      labels: /config\.json: it is .*series, expected a model that labels texts$/,
      series: /labels texts, expected one of series/,
    }
    await expect(load[other](at(whole))).rejects.toThrow(expected[other])
  },
)
