/** What a plot of trainings can show, by the word on the command line. */
export const yLabels = {
  loss: 'loss',
  perplexity: 'perplexity',
  lr: 'learning rate',
  grad_norm: 'gradient norm',
  tokens_per_second: 'tokens per second',
}
export type YName = keyof typeof yLabels

/** Over what. */
export const xLabels = { step: 'step', epoch: 'epoch', time: 'minutes' }
export type XName = keyof typeof xLabels
