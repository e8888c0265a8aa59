import { OptionError } from '../config.js'
import {
  type Classified,
  classify,
  columnOf,
  csvText,
  type Labeller,
  loadLabeller,
  loadTable,
  SequenceClassifier,
} from '../node.js'
import { moveTo } from './device.js'
import type { LabelOptions } from './label-flags.js'
import { print, printJson } from './output.js'
import { writeOut } from './write-out.js'

/** The work of `label`. */
export async function labelTexts(
  folder: string,
  file: string,
  { textColumn, out, device, json }: LabelOptions,
  signal: AbortSignal,
): Promise<void> {
  const labeller = await loadLabeller(folder)
  if (!(labeller.model instanceof SequenceClassifier)) {
    throw new OptionError(`label: ${folder} labels each token of a text, expected a model that gives a text one label`)
  }
  await moveTo('label', device, labeller.model)
  const column = textColumn ?? labeller.spec.read?.textColumn
  if (column === undefined) {
    throw new OptionError(`label: ${folder} does not say which column it was trained on, expected --text-column`)
  }
  const table = await loadTable(file, { signal })
  const at = columnOf(table, column, 'textColumn')
  const texts = table.rows.map(({ cells }) => cells[at])
  const place = (i: number) => `${table.name}: row ${table.rows[i].number}: the text`
  const made = await classify(labeller as Labeller<SequenceClassifier>, texts, { place, signal })
  const { labels } = labeller.spec
  if (json) {
    for (const [i, { label, probabilities }] of made.entries()) {
      const each = Object.fromEntries(labels.map((name, number) => [name, probabilities[number]]))
      printJson({ row: table.rows[i].number, text: texts[i], label, probabilities: each })
    }
  }
  if (json && out === undefined) return
  const [label, probability] = ['label', 'probability'].map((name) => unused(name, table.columns))
  const rows = table.rows.map(({ cells }, i) => [...cells, made[i].label, certainty(made[i])])
  const csv = await csvText([[...table.columns, label, probability], ...rows], table.delimiter)
  if (out === undefined) return void process.stdout.write(csv)
  await writeOut(out, csv)
  if (!json) print(`${made.length} ${made.length === 1 ? 'text' : 'texts'} labelled; written to ${out}`)
}

const certainty = ({ probabilities }: Classified): string => Math.max(...probabilities).toFixed(4)

/** A name that no column has yet. */
function unused(name: string, columns: readonly string[]): string {
  if (!columns.includes(name)) return name
  for (let number = 2; ; number++) if (!columns.includes(`${name}_${number}`)) return `${name}_${number}`
}
