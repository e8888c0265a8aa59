import { OptionError } from '../config.js'
import { type DeviceName, evaluateLabels, type Labeller, loadLabeller, loadLabelsFor } from '../node.js'
import { moveTo } from './device.js'
import type { LabelFlags } from './label-flags.js'
import { printLabelTable } from './label-table.js'
import { printJson } from './output.js'

/** The options of `eval` that models have that label texts. */
export interface EvalLabelsOptions extends LabelFlags {
  split: 'train' | 'validation' | 'test' | 'all'
  validation?: number
  test?: number
  device: DeviceName
  json?: boolean
}

/** The work of `eval` for a model that labels texts. */
export async function evaluateOnLabels(
  folder: string,
  [file]: readonly string[],
  options: EvalLabelsOptions,
  signal: AbortSignal,
): Promise<void> {
  const labeller = await loadLabeller(folder)
  await moveTo('eval', options.device, labeller.model)
  const { spec } = labeller
  const part = await partOf(folder, labeller, file, options, signal)
  const measured = await evaluateLabels(labeller.model, part, { signal })
  const evaluation = { part: options.split, labels: spec.labels, ...measured }
  if (options.json) printJson({ model: folder, file, ...evaluation })
  else printLabelTable(evaluation)
}

async function partOf(
  folder: string,
  labeller: Labeller,
  file: string,
  options: EvalLabelsOptions,
  signal: AbortSignal,
) {
  const { split, textColumn, labelColumn, validation, test } = options
  const held = split === 'all' ? { validation: 0, test: 0 } : { validation, test }
  const data = await loadLabelsFor(labeller, file, { textColumn, labelColumn, ...held }, { signal })
  const part = data[split === 'all' ? 'train' : split]
  if (part) return part
  throw new OptionError(
    `eval: ${folder} was trained without a ${split} part, expected --${split} with a proportion, such as 0.1`,
  )
}
