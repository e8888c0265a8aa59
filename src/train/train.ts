import { checkStrings, checkWord } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { describe } from '../core/describe.js'
import { OptionError } from '../core/errors.js'
import type { SequenceData } from '../data/sequences.js'
import { Vocab } from '../data/vocab.js'
import { predict } from '../generate/generate.js'
import type { RNNModel } from '../nn/model.js'
import type { RecurrentState } from '../nn/recurrent-state.js'
import { samplePrefixes } from './sample-prefixes.js'
import { Training } from './training.js'
import type { EpochEvent, TrainEvent, ValidationEvent } from './training-events.js'
import { type TrainStepsOptions, trainStepsOptions } from './training-options.js'

/** How a model is trained, and how its progress is reported. */
export interface TrainOptions extends TrainStepsOptions {
  /**
   * 'log' prints a line every tenth of the epochs, one for each validation, and a last one; 'silent' prints nothing; a
   * function is called with each event. Default 'log'.
   */
  report?: 'log' | 'silent' | ((event: TrainEvent) => void)
  /**
   * Texts to continue by 50 tokens after a logged training; those with unknown tokens are left out. Default: the book's
   * 'time traveller' and 'traveller' as far as they occur in the text, or else the beginning of the text.
   */
  prefixes?: readonly string[]
}

const trainOptions: OptionKinds<TrainOptions> = { ...trainStepsOptions, report: 'any', prefixes: 'any' }

/** The result of a training. */
export interface TrainResult {
  /** That of the last whole epoch; NaN if there was none. */
  perplexity: number
  /** That of the last whole epoch. */
  tokensPerSecond: number
  /** The number of whole epochs. */
  epochs: number
  steps: number
  /** One entry for each epoch. */
  history: EpochEvent[]
  /** Whether the signal ended it early. */
  stopped: boolean
  /** The lowest loss on the held-out text, if there is one, and the step after which it was measured. */
  best?: { loss: number; step: number }
}

/** Trains a model and returns the result: the book's `train_ch8`. See `trainSteps` for the loop. */
export async function train<S extends RecurrentState>(
  model: RNNModel<S>,
  data: SequenceData,
  vocab: Vocab,
  options: TrainOptions = {},
): Promise<TrainResult> {
  checkOptions('train', options, trainOptions)
  const { report = 'log', prefixes, ...rest } = options
  if (typeof report !== 'function') checkWord('train', 'report', report, ['log', 'silent'])
  if (prefixes !== undefined) checkStrings('train', 'prefixes', prefixes)
  const history: EpochEvent[] = []
  const training = new Training(model, data, rest, 'train')
  // This is checked before hours of training, because the prefixes are continued only afterwards.
  if (report === 'log' && !(vocab instanceof Vocab && vocab.size === model.vocabSize)) {
    const given = vocab instanceof Vocab ? `a Vocab of ${vocab.size} tokens` : describe(vocab)
    throw new OptionError(`train: vocab is ${given}, expected the Vocab of the model's ${model.vocabSize} tokens`)
  }
  for await (const event of training.run()) {
    if (event.type === 'epoch') history.push(event)
    if (typeof report === 'function') report(event)
    else if (report === 'log' && event.type === 'epoch') logEpoch(event)
    else if (report === 'log' && event.type === 'validation') logValidation(event)
  }
  const last = history.at(-1)
  const result: TrainResult = {
    perplexity: last?.perplexity ?? Number.NaN,
    tokensPerSecond: last?.tokensPerSecond ?? 0,
    epochs: history.length,
    steps: training.step,
    history,
    stopped: training.ended === 'signal',
    best: training.best && { loss: training.best.loss, step: training.best.step },
  }
  if (report === 'log') await logResult(result, model, vocab, prefixes ?? samplePrefixes(data.corpus, vocab))
  return result
}

function logEpoch({ epoch, epochs, perplexity, tokensPerSecond }: EpochEvent): void {
  if (epoch % Math.ceil(epochs / 10) !== 0) return
  console.log(
    `epoch ${epoch} of ${epochs}: perplexity ${perplexity.toFixed(2)}, ${tokensPerSecond.toFixed(0)} tokens/sec`,
  )
}

function logValidation({ step, perplexity, best }: ValidationEvent): void {
  console.log(
    `step ${step}: perplexity of the held-out text ${perplexity.toFixed(2)}${best ? ', the lowest so far' : ''}`,
  )
}

/** The book's closing lines: perplexity, tokens per second, and continuations. */
async function logResult<S extends RecurrentState>(
  { perplexity, tokensPerSecond }: TrainResult,
  model: RNNModel<S>,
  vocab: Vocab,
  prefixes: readonly string[],
): Promise<void> {
  const { name } = model.linear.weight.device
  console.log(`perplexity ${perplexity.toFixed(1)}, ${tokensPerSecond.toFixed(1)} tokens/sec on ${name}`)
  if (model.rnn.bidirectional) return
  for (const prefix of prefixes) {
    if (vocab.split(prefix).every((token) => vocab.has(token))) console.log(await predict(prefix, 50, model, vocab))
  }
}
