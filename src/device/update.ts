/**
 * How an optimizer updates one parameter p with its gradient g. The optimizers' comments have the formulas; `step` is
 * counted from 1 for each parameter.
 */
export type Update = SGDUpdate | AdamUpdate | RMSpropUpdate

/** Buffer: `momentum_buffer`, if there is momentum. */
export interface SGDUpdate {
  rule: 'sgd'
  step: number
  lr: number
  momentum: number
  dampening: number
  nesterov: boolean
  weightDecay: number
}

/** Buffers: `exp_avg`, `exp_avg_sq`. The parameter is first multiplied by `kept`; `l2` · p is added to its gradient. */
export interface AdamUpdate {
  rule: 'adam'
  step: number
  lr: number
  betas: readonly [number, number]
  eps: number
  l2: number
  kept: number
}

/** Buffers: `square_avg`; `grad_avg` if it is centered; `momentum_buffer` if there is momentum. */
export interface RMSpropUpdate {
  rule: 'rmsprop'
  lr: number
  alpha: number
  eps: number
  momentum: number
  centered: boolean
  weightDecay: number
}
