import type { LabelledSequence } from '../data/labels/labelled-data.js'
import type { KnownLabels, LoadedLabels } from '../data/labels/labelled-texts.js'
import {
  decodeLabelFiles,
  encodeLabelFiles,
  LABELS_FORMAT,
  LABELS_VERSION,
  type LabelsConfig,
  labelModelOf,
  labelModelWith,
  labelsConfigOf,
  parseLabelsConfig,
} from '../formats/labels-config.js'
import { parseVocab, vocabToJson } from '../formats/model-config.js'
import { joined, sha256Of, sourceOf } from '../formats/source.js'
import type { LabelModel } from '../nn/label-model.js'
import { labelling } from '../train/labelling.js'
import { Training } from '../train/training.js'
import { checkpointFormats } from './checkpoint.js'
import { limitOf } from './explosion.js'
import type { TableKind } from './table-kind.js'
import { labelOptionNames, labelRunDefaults } from './table-options.js'

/** A training on labelled texts. */
export const labelKind: TableKind<LabelModel, LoadedLabels, KnownLabels, LabelsConfig> = {
  start: 'startLabelRun',
  resume: 'resumeLabelRun',
  what: 'labelled texts',
  format: checkpointFormats.labels,
  options: labelOptionNames,
  defaults: labelRunDefaults,

  batches: ({ train }) => train,
  validation: ({ validation, spec }) => (validation ? (spec.read?.validation ?? 0.1) : 0),
  sizes({ train, vocab }, { embeddingSize = 0 }) {
    const { tokens, place } = train.sequences.reduce((a, b) => (b.tokens.length > a.tokens.length ? b : a))
    const longest = place && `the longest text is that of ${place}`
    return { inputSize: vocab.size, steps: tokens.length, limitedBy: 'maxTokens', perStep: 2 * embeddingSize, longest }
  },
  fingerprint({ train, validation, test }) {
    const numbers = [train, validation, test].flatMap((part) => (part ? [bytesOf(part.sequences)] : []))
    return sha256Of(sourceOf(joined(numbers)), 'the labelled texts')
  },
  limit: ({ spec }) => limitOf(spec.labels.length, 'label'),
  training(where, model, { train, validation: corpus }, { validateEvery: every, ...parts }) {
    const validation = corpus && { corpus, every }
    return new Training(model, train, { ...parts, objective: labelling, validation }, where)
  },

  newConfig(options, { vocab, spec }) {
    const { cell, nonlinearity, hiddenSize, numLayers, dropout, layerNorm = false, bidirectional } = options
    const { embeddingSize, inputDropout, outputDropout } = options
    return {
      ...{ format: LABELS_FORMAT, version: LABELS_VERSION, cell },
      ...{ nonlinearity: cell === 'rnn' ? nonlinearity : undefined, bias: true, bidirectional, pooling: 'last' },
      ...{ hiddenSize, numLayers, dropout, layerNorm, embeddingSize, inputDropout, outputDropout },
      ...{ vocabSize: vocab.size, spec },
    }
  },
  modelOf: labelModelOf,
  modelWith: labelModelWith,
  configOf: (model, { spec }, trained) => labelsConfigOf(model, spec, trained),
  metadata: ({ vocab }) => ({ vocab: vocabToJson(vocab) }),
  parse(metadata, where) {
    const config = parseLabelsConfig(metadata.config ?? '', `${where}: config`)
    return { config, known: { vocab: parseVocab(metadata.vocab ?? '', `${where}: vocab`), spec: config.spec } }
  },
  files: (where, model, { vocab, spec }, trained) =>
    encodeLabelFiles(where, model, vocab, labelsConfigOf(model, spec, trained)),
  decode: (files, where) => decodeLabelFiles(files as Parameters<typeof decodeLabelFiles>[0], where),
}

/** The lengths, tokens and labels of sequences. */
function bytesOf(sequences: readonly LabelledSequence[]): Uint8Array {
  const numbers = sequences.flatMap(({ tokens, label }) => [tokens.length, ...Array.from(tokens), ...[label].flat()])
  return new Uint8Array(Int32Array.from(numbers as number[]).buffer)
}
