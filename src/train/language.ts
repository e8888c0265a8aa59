import { checkArgument } from '../core/check.js'
import { FormatError } from '../core/errors.js'
import { type Batch, type Corpus, SequenceData } from '../data/sequences.js'
import { checkRNNModel, type RNNModel } from '../nn/model.js'
import { detachState, type RecurrentState } from '../nn/recurrent-state.js'
import { crossEntropy } from '../tensor/losses.js'
import { valuesFor } from '../tensor/saved-tensors.js'
import { Tensor } from '../tensor/tensor.js'
import { checkReadable, evaluateCorpus } from './evaluate.js'
import type { Objective } from './objective.js'

/** The type of `languageModeling`. */
export type LanguageModeling = Objective<RNNModel, Batch, SequenceData, Corpus, RecurrentState>

/**
 * Predicts each token of a text from those before it; the loss is the mean cross entropy, in nats. With sequential
 * sampling the state is carried from batch to batch, detached.
 */
export const languageModeling: LanguageModeling = {
  check(where, model, data, validation) {
    checkRNNModel(where, model)
    checkArgument(where, 'data', data, data instanceof SequenceData, 'a SequenceData')
    if (validation) checkReadable(`${where}: validation`, model, validation.corpus)
  },

  loss(model, { x, y }, carried, { sampling }) {
    const { output, state } = model.forward(x, carried && detachState(carried))
    const loss = crossEntropy(output, y.T.reshape(-1))
    return { loss, items: y.size, carried: sampling === 'sequential' ? state : undefined }
  },

  async validate(model, heldOut, { batchSize, numSteps }, signal) {
    return (await evaluateCorpus(model, heldOut, { batchSize, numSteps, signal })).loss
  },

  carrying: {
    tensorsOf: stateTensors,
    from(where, model, data, batch, tensors) {
      if (batch === 0 || data.sampling !== 'sequential') return undefined
      const expected = new Map(Object.entries(stateTensors(model.beginState(data.batchSize))))
      const { values, problems } = valuesFor(expected, tensors)
      if (problems.length > 0) {
        throw new FormatError(`${where}: the state carried to batch ${batch + 1}: ${problems.join('; ')}`)
      }
      const part = (name: string) => expected.get(name)!.copy_(values.get(name)!)
      return expected.has('c') ? { h: part('h'), c: part('c') } : part('h')
    },
  },
}

/** A recurrent state as tensors by name. */
function stateTensors(state: RecurrentState): Record<string, Tensor> {
  return state instanceof Tensor ? { h: state } : { h: state.h, c: state.c }
}
