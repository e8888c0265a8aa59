import { OptionError } from '../core/errors.js'
import { foreignCellNames, minimalCellNames } from '../device/cells.js'
import { type RunOptions, runDefaults, runOptionKinds } from './run-options.js'

/** What an option needs to have an effect and lacks: names of other options with words between them, or false. */
type Need = (options: RunOptions) => readonly string[] | false

const validation: Need = ({ validation }) => validation === 0 && ['validation', '(such as 0.1)']

const schedule =
  (...kinds: RunOptions['schedule'][]): Need =>
  ({ schedule }) =>
    !kinds.includes(schedule) && ['schedule', kinds.join(' or ')]

/** Options of hidden-to-hidden weights, which minimal cells do not have. */
const commonCell: Need = ({ cell }) =>
  minimalCellNames.some((name) => name === cell) && [
    'cell',
    `${foreignCellNames.slice(0, -1).join(', ')} or ${foreignCellNames.at(-1)}`,
  ]

const ofLSTM: Need = ({ cell }) => cell !== 'lstm' && ['cell', 'lstm']

/** What options need to have an effect; options that always have one are not listed. */
const needs: { readonly [name in keyof RunOptions]?: Need } = {
  nonlinearity: ({ cell }) => cell !== 'rnn' && ['cell', 'rnn'],
  projSize: ofLSTM,
  peepholes: ofLSTM,
  weightDropout: commonCell,
  layerNorm: commonCell,
  dropout: ({ numLayers }) => numLayers === 1 && ['numLayers', '2 or more'],
  variational: ({ dropout, numLayers, outputDropout, inputDropout, embeddingSize }) =>
    !(dropout > 0 && numLayers > 1) &&
    outputDropout === 0 &&
    !(inputDropout > 0 && embeddingSize !== undefined) && [
      ...['outputDropout,', 'dropout', 'with several layers, or'],
      ...['inputDropout', 'with', 'embeddingSize'],
    ],
  momentum: ({ optimizer }) => optimizer !== 'sgd' && optimizer !== 'rmsprop' && ['optimizer', 'sgd or rmsprop'],
  nesterov: ({ optimizer, momentum }) =>
    (optimizer !== 'sgd' || momentum === 0) && ['momentum', 'and', 'optimizer', 'sgd'],
  schedule: (options) => options.schedule === 'plateau' && validation(options),
  warmup: schedule('cosine'),
  decayEvery: schedule('step'),
  decay: schedule('step', 'plateau'),
  plateauPatience: schedule('plateau'),
  minLr: schedule('cosine', 'plateau'),
  validateEvery: validation,
  patience: validation,
  extendVocab: ({ initFrom }) => initFrom === undefined && ['initFrom'],
  threads: ({ kernels, threads }) => kernels === 'reference' && threads !== 1 && ['kernels', 'wasm or blas'],
}

/** Whether an option has an effect beside the others. */
export const hasEffect = (name: keyof RunOptions, options: RunOptions): boolean => !needs[name]?.(options)

/**
 * @param given names of the options that the user gave; one that has its default value is accepted
 * @throws OptionError for an option that would have no effect
 */
export function checkEffects(where: string, options: RunOptions, given: readonly (keyof RunOptions)[]): void {
  const defaults: Partial<RunOptions> = runDefaults
  for (const name of given) {
    const need = options[name] !== defaults[name] && needs[name]?.(options)
    if (!need) continue
    const names = need.map((word) => word.replace(',', '')).filter((word) => word in runOptionKinds)
    throw new OptionError(
      `${where}: ${name} has no effect without ${need.join(' ')}; add that, or leave ${name} out`,
      // The names in the order in which the sentence has them.
      [name, ...names, name],
    )
  }
}
