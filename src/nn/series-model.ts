import { checkMethods } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { zerosOn } from '../tensor/create.js'
import { concatenate } from '../tensor/functions.js'
import type { Tensor } from '../tensor/tensor.js'
import { Embedding } from './embedding.js'
import { constant, normal } from './init.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { Parameter } from './parameter.js'
import type { RecurrentLayer } from './recurrent.js'
import type { RecurrentState } from './recurrent-state.js'

/** The sizes of a SeriesModel besides those of its recurrent layer. */
export interface SeriesModelSizes {
  /** Columns that the model sees, the targets first. */
  columns: number
  targets: number
  window: number
  /** For each calendar, how many positions it has, such as 7 weekdays. */
  calendars: readonly number[]
  /** Numbers that the recurrent layer reads for a position. */
  positionSize: number
}

/** Features that the recurrent layer of a SeriesModel reads at each step. */
export const inputSizeOf = ({ columns, calendars, positionSize }: SeriesModelSizes): number =>
  columns + 1 + positionSize * calendars.length

/**
 * Forecasts a series: a recurrent layer reads a window of it and goes on through the horizon, where it knows only the
 * date; a linear output of its hidden states is the forecast. All steps of the horizon are predicted at once.
 *
 * A learned effect of each position in the calendar, such as of a weekday, is taken off the values first, and so is the mean
 * of what is left in the window; both are added to the output again:
 *
 *     r_t = v_t − Σ effect(position_t),   level = mean of r over the window
 *     v̂_t = linear(h_t) + level + Σ effect(position_t),   h = rnn([r − level, features, known, embedding(position)])
 */
export class SeriesModel<S extends RecurrentState = RecurrentState> extends Module {
  readonly linear: Linear
  /** For each calendar, what a position adds to the targets; zero at first. */
  readonly effects: Embedding[]
  /** For each calendar, what the recurrent layer reads for a position. */
  readonly positions: Embedding[]
  readonly #generator: Generator

  /** @throws OptionError if the layer's inputSize does not fit, or if it is bidirectional or has `batchFirst` */
  constructor(
    readonly rnn: RecurrentLayer<S>,
    readonly sizes: SeriesModelSizes,
    { generator = defaultGenerator() }: { generator?: Generator } = {},
  ) {
    super()
    checkMethods('SeriesModel', 'the layer', rnn, ['forward', 'beginState'], 'an RNN, a GRU or an LSTM')
    const { columns, targets, calendars, positionSize } = sizes
    const inputSize = inputSizeOf(sizes)
    if (rnn.inputSize !== inputSize) {
      throw new OptionError(
        `SeriesModel: the layer has inputSize = ${rnn.inputSize}, expected ${inputSize}: ${columns} columns, 1 that says whether they are known, and ${positionSize} for each of ${calendars.length} calendars`,
      )
    }
    if (rnn.bidirectional || rnn.batchFirst) {
      throw new OptionError(
        `SeriesModel: the layer is ${rnn.bidirectional ? 'bidirectional' : 'batchFirst'}, expected one direction, time first`,
      )
    }
    this.#generator = generator
    this.linear = new Linear({ inFeatures: rnn.outputSize, outFeatures: targets, generator })
    const table = (size: number, width: number, deviation: number) =>
      new Embedding({
        numEmbeddings: size,
        embeddingDim: width,
        weight: new Parameter((deviation === 0 ? constant(0) : normal(deviation))([size, width], generator)),
      })
    this.effects = calendars.map((size) => table(size, targets, 0))
    this.positions = calendars.map((size) => table(size, positionSize, 0.1))
  }

  protected override get typeName(): string {
    return 'SeriesModel'
  }

  override ownGenerators(): Generator[] {
    return [...super.ownGenerators(), this.#generator]
  }

  /**
   * @param x scaled columns and whether they are known, [window + horizon, batch, columns + 1]
   * @param positions for each calendar, int32 [window + horizon, batch]
   * @returns the scaled forecast, [horizon, batch, targets]
   */
  forward(x: Tensor, positions: readonly Tensor[]): Tensor {
    const { input, offsets } = this.read(x, positions)
    const { output } = this.rnn.forward(input)
    return offsets.reduce((sum, offset) => sum.add(offset), this.linear.forward(output.slice(0, this.sizes.window)))
  }

  /**
   * What the recurrent layer reads of what `forward` is given, [window + horizon, batch, inputSize], and what is added to the
   * linear output of its states in the horizon: the level, and the effects of the calendars if there are any.
   */
  read(x: Tensor, positions: readonly Tensor[]): { input: Tensor; offsets: Tensor[] } {
    const { targets, window } = this.sizes
    const [steps, batch] = x.shape
    const effects = this.effects.map((table, i) => table.forward(positions[i]))
    const effect = effects.reduce<Tensor | undefined>((sum, one) => (sum ? sum.add(one) : one), undefined)
    const values = x.slice(0, 0, window).slice(2, 0, targets)
    const rest = effect ? values.sub(effect.slice(0, 0, window)) : values
    const level = rest.mean(0, { keepDims: true })
    const unknown = zerosOn(x.device, [steps - window, batch, targets])
    const deviations = concatenate([rest.sub(level), unknown], 0)
    const read = this.positions.map((table, i) => table.forward(positions[i]))
    const input = concatenate([deviations, x.slice(2, targets), ...read], 2)
    return { input, offsets: effect ? [level, effect.slice(0, window)] : [level] }
  }
}
