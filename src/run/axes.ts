/** What a plot of trainings can show, by the word on the command line. */
export const yLabels = {
  loss: 'loss',
  perplexity: 'perplexity',
  lr: 'learning rate',
  grad_norm: 'gradient norm',
  tokens_per_second: 'tokens per second',
}
/** A word for what a plot shows. */
export type YName = keyof typeof yLabels

/** What it can be shown over. */
export const xLabels = { step: 'step', epoch: 'epoch', time: 'minutes' }
/** A word for what a plot is over. */
export type XName = keyof typeof xLabels
