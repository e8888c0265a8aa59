import { checkWhole, shown } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import type { NestedValues } from '../tensor/arrays.js'
import { fromData, tensor, zerosOn } from '../tensor/create.js'
import { concatenate, stack } from '../tensor/functions.js'
import { checkPlaced, floatsIn } from '../tensor/placed.js'
import { Tensor } from '../tensor/tensor.js'

/** The number of time steps of each sequence of a batch: numbers, or an int32 tensor [batch]. */
export type Lengths = readonly number[] | Int32Array | Tensor

/** Options of a pass over a batch of sequences. */
export interface ForwardOptions {
  /**
   * The number of time steps of each sequence, from 1 to numSteps, in any order; all of them have numSteps if absent. What
   * comes after its last step is padding: it is not read, not even NaN, and the time that a pass takes is proportional to
   * the sum of the lengths (on a GPU, whose threads wait for the longest sequence, to the longest). The output is 0 there,
   * and so is the gradient of the input. The state that is returned is that after a sequence's own last step, and the
   * reverse direction begins with that step: PyTorch's `pack_padded_sequence` and `pad_packed_sequence`.
   */
  lengths?: Lengths
}

const forwardOptions: OptionKinds<ForwardOptions> = { lengths: 'any' }

/**
 * The lengths among the options of a pass; undefined if all sequences go through all steps.
 * @throws OptionError for other options; ShapeError unless there is a length for each sequence; OptionError for one that is
 *   no whole number from 1 to `numSteps`
 */
export function lengthsIn(
  where: string,
  options: ForwardOptions,
  numSteps: number,
  batchSize: number,
): Int32Array | undefined {
  checkOptions(where, options, forwardOptions)
  const { lengths } = options
  if (lengths === undefined) return undefined
  const values = lengthValues(where, lengths)
  if (values.length !== batchSize) {
    throw new ShapeError(
      `${where}: lengths has ${values.length} value${values.length === 1 ? '' : 's'}, expected one for each of ${batchSize} sequences in the batch`,
    )
  }
  for (const [i, length] of values.entries()) checkWhole(where, `lengths[${i}]`, length, 1, numSteps)
  return values.every((length) => length === numSteps) ? undefined : Int32Array.from(values)
}

function lengthValues(where: string, lengths: unknown): readonly number[] {
  if (Array.isArray(lengths)) return lengths
  if (lengths instanceof Int32Array) return Array.from(lengths)
  if (lengths instanceof Tensor && lengths.dtype === 'int32' && lengths.rank === 1) return Array.from(lengths.data)
  throw new OptionError(
    `${where}: lengths is ${describe(lengths)}, expected an array of whole numbers or an int32 tensor [batch]`,
    ['lengths'],
  )
}

/** Tokens [numSteps, batch] with 0 in place of padding, which may be anything. */
export function withoutPadding(tokens: Tensor, lengths: Int32Array | undefined): Tensor {
  if (!lengths) return tokens
  const batch = lengths.length
  const data = (tokens.data as Int32Array).map((token, i) => (Math.floor(i / batch) < lengths[i % batch] ? token : 0))
  return fromData(data, tokens.shape)
}

/** The numbers of the rows of a matrix [numSteps × batch, …] that are no padding. */
export function rowsWithin(lengths: Int32Array, numSteps: number): Int32Array {
  const batch = lengths.length
  return Int32Array.from({ length: numSteps * batch }, (_, i) => i).filter(
    (i) => Math.floor(i / batch) < lengths[i % batch],
  )
}

/** Options of packSequences. */
export interface PackOptions {
  /** Whether the result is [batch, numSteps, …] instead of [numSteps, batch, …]. Default false. */
  batchFirst?: boolean
  /** What stands after the end of the shorter sequences; −100 for targets that `crossEntropy` is to ignore. Default 0. */
  paddingValue?: number
  /** What arrays become, as `tensor` has it: 'int32' for tokens and targets. Tensors keep theirs. */
  dtype?: 'float' | 'int32'
}

const packOptions: OptionKinds<PackOptions> = { batchFirst: 'boolean', paddingValue: 'any', dtype: 'any' }

/**
 * Makes one tensor of sequences of unequal lengths, with their lengths for `forward`, like PyTorch's `pad_sequence`. Tensors
 * get gradients through it.
 *
 * @param sequences at least one, each of at least one step: tensors [length, …] or arrays, equal in all other sizes
 * @returns `padded` [numSteps, batch, …], where numSteps is the longest length, and `lengths` in the order of the batch
 * @throws ShapeError for a sequence without steps, or for sizes or kinds of numbers that differ
 */
export function packSequences(
  sequences: readonly (Tensor | NestedValues)[],
  options: PackOptions = {},
): { padded: Tensor; lengths: number[] } {
  const where = 'packSequences'
  checkOptions(where, options, packOptions)
  const { batchFirst = false, paddingValue = 0, dtype } = options
  if (!Array.isArray(sequences) || sequences.length === 0) {
    const given = Array.isArray(sequences) ? 'an array of length 0' : describe(sequences)
    throw new ShapeError(`${where}: the sequences are ${given}, expected an array of at least one`)
  }
  const parts = sequences.map((sequence, i) => partOf(sequence, i, dtype))
  const lengths = parts.map(({ shape }) => shape[0])
  const [first] = parts
  const wrong = parts.findIndex(
    (part) => part.dtype !== first.dtype || !sameShape(part.shape.slice(1), first.shape.slice(1)),
  )
  if (wrong >= 0) {
    const shown = ({ dtype, shape }: Tensor) => `${dtype} ${formatShape(shape)}`
    throw new ShapeError(
      `${where}: sequence ${wrong} is ${shown(parts[wrong])} and sequence 0 ${shown(first)}, expected the same but for the length`,
    )
  }
  const whole = first.dtype === 'int32'
  if (typeof paddingValue !== 'number' || (whole && (paddingValue | 0) !== paddingValue)) {
    const expected = whole ? 'a whole number of 32 bits, as the sequences hold' : 'a number'
    throw new OptionError(`${where}: paddingValue is ${shown(paddingValue)}, expected ${expected}`, ['paddingValue'])
  }
  const numSteps = Math.max(...lengths)
  const axis = batchFirst ? 0 : 1
  if (!whole) {
    return {
      padded: stack(
        parts.map((part) => padded(part, numSteps, paddingValue)),
        axis,
      ),
      lengths,
    }
  }
  const size = first.size / lengths[0]
  const data = new Int32Array(parts.length * numSteps * size).fill(paddingValue)
  for (const [i, part] of parts.entries()) data.set(part.data, i * numSteps * size)
  const rows = fromData(data, [parts.length, numSteps, ...first.shape.slice(1)])
  return { padded: batchFirst ? rows : rows.transpose(0, 1), lengths }
}

/**
 * The sequences of a padded tensor, each without what comes after its last step, like PyTorch's `unpad_sequence`.
 * @param x [numSteps, batch, …], or [batch, numSteps, …] under `batchFirst`
 * @throws ShapeError or OptionError for lengths that do not fit
 */
export function unpackSequences(x: Tensor, lengths: Lengths, options: { batchFirst?: boolean } = {}): Tensor[] {
  const where = 'unpackSequences'
  checkOptions(where, options, { batchFirst: 'boolean' })
  checkPlaced(where, x, 'x')
  const { batchFirst = false } = options
  const [numSteps, batch] = batchFirst ? [x.shape[1], x.shape[0]] : x.shape
  if (x.rank < 2)
    throw new ShapeError(`${where}: x has the shape ${formatShape(x.shape)}, expected [numSteps, batch, …]`)
  lengthsIn(where, { lengths }, numSteps, batch)
  return Array.from(lengthValues(where, lengths), (length, i) => x.select(batchFirst ? 0 : 1, i).slice(0, 0, length))
}

function partOf(sequence: Tensor | NestedValues, i: number, dtype: PackOptions['dtype']): Tensor {
  const part = sequence instanceof Tensor ? sequence : tensor(sequence, { dtype })
  if (part.dtype === 'float') floatsIn('packSequences', part, `sequence ${i}`)
  if (part.size > 0 && part.rank > 0) return part
  throw new ShapeError(
    `packSequences: sequence ${i} has the shape ${formatShape(part.shape)}, expected at least one step; leave out sequences without steps`,
  )
}

/** A sequence with padding up to `numSteps` steps. */
function padded(part: Tensor, numSteps: number, value: number): Tensor {
  const [length, ...rest]: Shape = part.shape
  if (length === numSteps) return part
  const padding = zerosOn(part.device, [numSteps - length, ...rest])
  return concatenate([part, value === 0 ? padding : padding.add(value)])
}
