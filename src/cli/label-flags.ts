import { Option } from 'commander'
import type { DeviceName } from '../node.js'

/** The options of a training on labelled texts, besides those that it shares with one on a text. */
export interface LabelFlags {
  textColumn?: string
  labelColumn?: string
}

export const labelOptions = (): Option[] => [
  new Option('--text-column <name>', 'train on labelled texts in a CSV file: the column of the texts'),
  new Option('--label-column <name>', 'the column of their labels'),
]

/** The options of `label`. */
export interface LabelOptions {
  textColumn?: string
  out?: string
  device: DeviceName
  json?: boolean
}
