import { checkNumber, checkWhole } from '../core/check.js'
import { DivergenceError } from '../core/errors.js'
import { nextTurn } from '../core/turn.js'
import type { SequenceData } from '../data/sequences.js'
import type { RNNModel } from '../nn/model.js'
import { detachState, type RecurrentState } from '../nn/recurrent.js'
import { clipGradNorm } from '../optim/clip.js'
import type { Optimizer } from '../optim/optimizer.js'
import { SGD } from '../optim/sgd.js'
import { crossEntropy } from '../tensor/functions.js'

export interface TrainStepsOptions {
  /** Learning rate of SGD. Default 1. */
  lr?: number
  /** Passes over the data. Default 500. */
  epochs?: number
  /** Largest norm of all gradients together; Infinity leaves them alone. Default 1. */
  clip?: number
  /** Instead of SGD at `lr`. */
  optimizer?: Optimizer
  /** Stops the training after the step in hand. */
  signal?: AbortSignal
}

/** What is known after an epoch. */
export interface EpochEvent {
  type: 'epoch'
  /** Counted from 1. */
  epoch: number
  epochs: number
  /** Steps since the beginning. */
  step: number
  /** Mean over the epoch's tokens, as they were trained on, in nats. */
  loss: number
  /** e^loss */
  perplexity: number
  /** Norm of all gradients before clipping, at the epoch's last step. */
  gradNorm: number
  /** Of this epoch. */
  tokensPerSecond: number
  /** Learning rate of the epoch's last step. */
  lr: number
}

/** What is known after a step; the losses stay where they are computed. */
export interface StepEvent {
  type: 'step'
  epoch: number
  epochs: number
  step: number
  /** Steps of this epoch so far. */
  stepOfEpoch: number
  loss: number
  lr: number
  /** Norm of all gradients before clipping. */
  gradNorm: number
  /** Of this epoch so far. */
  tokensPerSecond: number
}

/** What is known after a validation. */
export interface ValidationEvent {
  type: 'validation'
  epoch: number
  step: number
  /** Mean over the validation text's tokens, in nats. */
  loss: number
  /** e^loss */
  perplexity: number
  /** Whether no validation before had a lower loss. */
  best: boolean
}

export type TrainEvent = StepEvent | EpochEvent

/** Milliseconds of work between two turns of the event loop. */
const TURN = 40

/**
 * Trains as the book's `train_ch8`: mean cross entropy, gradients clipped by their common norm, SGD. Under
 * sequential sampling the state is carried from batch to batch, detached, and zero at each epoch; under
 * random sampling it is zero at each batch.
 *
 * An asynchronous generator of events, one a step and one an epoch; it ends early, after a whole step, when
 * `signal` is aborted.
 * @throws DivergenceError when the loss is not finite; the model then has the parameters of the last epoch
 *   that ended well
 */
export async function* trainSteps<S extends RecurrentState>(
  model: RNNModel<S>,
  data: SequenceData,
  options: TrainStepsOptions = {},
): AsyncGenerator<TrainEvent, void> {
  const { lr = 1, epochs = 500, clip = 1, signal } = options
  checkWhole('train', 'epochs', epochs)
  checkNumber('train', 'lr', lr, 0)
  if (clip !== Infinity) checkNumber('train', 'clip', clip, Number.MIN_VALUE)
  const parameters = model.parameters()
  const optimizer = options.optimizer ?? new SGD(parameters, { lr })
  let lastGood = model.stateDict()
  let step = 0
  let turn = performance.now()
  model.train()
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const start = performance.now()
    let state: S | undefined
    let [stepOfEpoch, sum, tokens, gradNorm] = [0, 0, 0, 0]
    for (const { x, y } of data.batches()) {
      if (signal?.aborted) return
      state = data.sampling === 'sequential' && state ? detachState(state) : undefined
      const { output, state: next } = model.forward(x, state)
      state = next
      const loss = crossEntropy(output, y.T.reshape(-1))
      optimizer.zeroGrad()
      loss.backward()
      gradNorm = clipGradNorm(parameters, clip)
      const value = await loss.item()
      step++
      if (!Number.isFinite(value) || !Number.isFinite(gradNorm)) {
        model.loadStateDict(lastGood)
        throw new DivergenceError(divergence(value, gradNorm, step, epoch, optimizer.lr), step)
      }
      optimizer.step()
      sum += value * y.size
      tokens += y.size
      const tokensPerSecond = (tokens * 1000) / (performance.now() - start)
      const { lr } = optimizer
      yield {
        type: 'step',
        epoch,
        epochs,
        step,
        stepOfEpoch: ++stepOfEpoch,
        loss: value,
        lr,
        gradNorm,
        tokensPerSecond,
      }
      if (performance.now() - turn > TURN) {
        await nextTurn()
        turn = performance.now()
      }
    }
    const loss = sum / tokens
    const tokensPerSecond = (tokens * 1000) / (performance.now() - start)
    lastGood = model.stateDict()
    const perplexity = Math.exp(loss)
    yield { type: 'epoch', epoch, epochs, step, loss, perplexity, gradNorm, tokensPerSecond, lr: optimizer.lr }
  }
}

function divergence(loss: number, norm: number, step: number, epoch: number, lr: number): string {
  const what = Number.isFinite(loss) ? `the gradients' norm became ${norm}` : `the loss became ${loss}`
  return `train: ${what} at step ${step} (epoch ${epoch}); the model keeps the parameters of the last good epoch; try a smaller lr than ${lr}, or a smaller clip`
}
