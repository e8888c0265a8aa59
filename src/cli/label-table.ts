import type { LabelEvaluation } from '../node.js'
import { print } from './output.js'
import { grouped, percent, table } from './table.js'

/** With more labels than this, the confusion matrix is too wide to be read. */
const MOST_COLUMNS = 20

/** Prints how well labels are found: each of them, and the confusion matrix. */
export function printLabelTable(evaluation: LabelEvaluation & { part: string; labels: readonly string[] }): void {
  const { part, labels, accuracy, macroF1, loss, count, perLabel, confusion } = evaluation
  const on = part === 'all' ? 'all texts' : `the ${part} part`
  print(
    `on ${on}, ${grouped(count)} ${count === 1 ? 'text' : 'texts'}: accuracy ${percent(accuracy)}, macro F1 ${macroF1.toFixed(3)}, loss ${loss.toFixed(4)} nats`,
  )
  const scores = perLabel.map(({ precision, recall, f1, support }, i) => [
    ...[labels[i], precision.toFixed(3), recall.toFixed(3), f1.toFixed(3), grouped(support)],
  ])
  print(table([['label', 'precision', 'recall', 'F1', 'texts'], ...scores]))
  if (labels.length > MOST_COLUMNS) {
    print(`the confusion matrix of ${labels.length} labels is in the output of --json`)
    return
  }
  print('how many with the label of the row were given the label of the column:')
  print(table([['', ...labels], ...confusion.map((row, i) => [labels[i], ...row.map(grouped)])]))
}
