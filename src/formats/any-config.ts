import { LABELS_FORMAT, parseLabelsConfig } from './labels-config.js'
import { parseConfig } from './model-config.js'
import { parseSeriesConfig, SERIES_FORMAT } from './series-config.js'

/**
 * What the configuration of a saved model of any kind says of it.
 * @param where the file, for messages
 * @throws FormatError for a damaged one
 */
export function parseAnyConfig(text: string, where: string) {
  const format = /"format":\s*"([^"]*)"/.exec(text)?.[1]
  const kind = format === SERIES_FORMAT ? 'series' : format === LABELS_FORMAT ? 'labels' : 'text'
  const parse = { text: parseConfig, series: parseSeriesConfig, labels: parseLabelsConfig }[kind]
  const { cell, hiddenSize, numLayers } = parse(text, where)
  return { kind, cell, hiddenSize, numLayers } as const
}
