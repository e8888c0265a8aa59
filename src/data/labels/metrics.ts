import { checkArgument, checkWhole } from '../../core/check.js'
import { DataError } from '../../core/errors.js'

/** How well one label is found. All are 0 where they would divide by 0. */
export interface LabelScores {
  /** The share of what was given this label that has it. */
  precision: number
  /** The share of what has this label that was given it. */
  recall: number
  /** 2 · precision · recall / (precision + recall) */
  f1: number
  /** How many have this label. */
  support: number
}

/** How well labels are predicted. */
export interface LabelMetrics {
  /** The share of right labels. */
  accuracy: number
  /**
   * The mean of F1 over the labels that occur in the truth or among the predictions, each counting the same: scikit-learn's
   * `f1_score(…, average='macro', zero_division=0)`.
   */
  macroF1: number
  /** How many with the label of the row were given the label of the column. */
  confusion: number[][]
  /** In the order of the labels. */
  perLabel: LabelScores[]
  /** The number of labels that were compared. */
  count: number
}

/**
 * Compares predicted labels with the true ones.
 * @param truth numbers of labels, from 0
 * @throws DataError for lists that are empty or of unequal length, or for a number that is out of range
 */
export function labelMetrics(truth: ArrayLike<number>, predicted: ArrayLike<number>, numLabels: number): LabelMetrics {
  const where = 'labelMetrics'
  checkWhole(where, 'numLabels', numLabels)
  for (const [name, labels] of Object.entries({ truth, predicted })) {
    checkArgument(where, name, labels, isList(labels), 'an array of numbers of labels')
  }
  const count = truth.length
  if (count === 0 || predicted.length !== count) {
    throw new DataError(
      `${where}: there are ${count} true and ${predicted.length} predicted labels, expected the same number, at least one`,
    )
  }
  const confusion = Array.from({ length: numLabels }, () => new Array<number>(numLabels).fill(0))
  for (let i = 0; i < count; i++) {
    checkWhole(where, `truth[${i}]`, truth[i], 0, numLabels - 1)
    checkWhole(where, `predicted[${i}]`, predicted[i], 0, numLabels - 1)
    confusion[truth[i]][predicted[i]]++
  }
  const perLabel = confusion.map((row, label): LabelScores => {
    const right = row[label]
    const support = sumOf(row)
    const given = sumOf(confusion.map((counts) => counts[label]))
    const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b)
    return {
      precision: ratio(right, given),
      recall: ratio(right, support),
      f1: ratio(2 * right, given + support),
      support,
    }
  })
  const occurring = perLabel.filter(
    ({ support }, label) => support > 0 || confusion.some((counts) => counts[label] > 0),
  )
  return {
    accuracy: sumOf(confusion.map((row, label) => row[label])) / count,
    macroF1: sumOf(occurring.map(({ f1 }) => f1)) / occurring.length,
    ...{ confusion, perLabel, count },
  }
}

/** Whether a value is an array, typed or not. */
export const isList = (value: unknown): boolean =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)
