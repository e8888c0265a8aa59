import type { SequenceData } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { Training } from './training.js'
import type { TrainEvent } from './training-events.js'
import type { TrainStepsOptions } from './training-options.js'

/**
 * Trains like the book's `train_ch8`, as an asynchronous generator of events: one for each step and each epoch. See
 * `Training`, which can also be saved and restored.
 * @throws DivergenceError if the loss, or that of the held-out text, is not finite; the model then has the parameters
 *   of the last good epoch
 */
export async function* trainSteps<S extends RecurrentState>(
  model: RNNModel<S>,
  data: SequenceData,
  options: TrainStepsOptions = {},
): AsyncGenerator<TrainEvent, void> {
  yield* new Training(model, data, options, 'trainSteps').run()
}
