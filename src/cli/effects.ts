import { OptionError } from '../core/errors.js'
import { flagOf, type TrainingOptions } from './options.js'

/**
 * What an option needs beside it to have an effect, where that is missing; of options that always have one, nothing
 * is listed.
 */
export type Needs<T> = { readonly [name in keyof T]?: (options: T) => string | false }

/**
 * @param said names of the options on the command line; one that has the value which it has by default may stand there
 * @throws OptionError for one that would change nothing
 */
export function checkEffects<T extends object>(
  command: string,
  options: T,
  said: readonly string[],
  needs: Needs<T>,
  defaults: Readonly<Record<string, unknown>>,
): void {
  for (const name of said as readonly (keyof T & string)[]) {
    const need = options[name] !== defaults[name] && needs[name]?.(options)
    if (!need) continue
    const flag = flagOf(name)
    throw new OptionError(`${command}: ${flag} has no effect without ${need}; add that, or leave ${flag} out`)
  }
}

const validation = ({ validation }: TrainingOptions) => validation === 0 && '--validation (such as 0.1)'

const schedule =
  (...kinds: TrainingOptions['schedule'][]) =>
  ({ schedule }: TrainingOptions) =>
    !kinds.includes(schedule) && `--schedule ${kinds.join(' or ')}`

/** Of a training. */
export const trainingNeeds: Needs<TrainingOptions> = {
  nonlinearity: ({ cell }) => cell !== 'rnn' && '--cell rnn',
  dropout: ({ numLayers }) => numLayers === 1 && '--num-layers 2 or more',
  variational: ({ dropout, numLayers, outputDropout, inputDropout, embeddingSize }) =>
    !(dropout > 0 && numLayers > 1) &&
    outputDropout === 0 &&
    !(inputDropout > 0 && embeddingSize !== undefined) &&
    '--output-dropout, --dropout with several layers, or --input-dropout with --embedding-size',
  momentum: ({ optimizer }) => optimizer !== 'sgd' && optimizer !== 'rmsprop' && '--optimizer sgd or rmsprop',
  nesterov: ({ optimizer, momentum }) => (optimizer !== 'sgd' || momentum === 0) && '--momentum and --optimizer sgd',
  schedule: (options) => options.schedule === 'plateau' && validation(options),
  warmup: schedule('cosine'),
  decayEvery: schedule('step'),
  decay: schedule('step', 'plateau'),
  plateauPatience: schedule('plateau'),
  minLr: schedule('cosine', 'plateau'),
  validateEvery: validation,
  patience: validation,
  extendVocab: ({ initFrom }) => initFrom === undefined && '--init-from',
  threads: ({ kernels, threads }) => kernels === 'reference' && threads !== 1 && '--kernels wasm or blas',
}
