/** Axis labels of the values that a plot can show, by their names on the command line. */
export const yLabels = {
  loss: 'loss',
  perplexity: 'perplexity',
  lr: 'learning rate',
  grad_norm: 'gradient norm',
  tokens_per_second: 'tokens per second',
}
/** The name of a value that a plot shows. */
export type YName = keyof typeof yLabels

/** Labels of the x axis, by their names on the command line. */
export const xLabels = { step: 'step', epoch: 'epoch', time: 'minutes' }
/** The name of an x axis. */
export type XName = keyof typeof xLabels
