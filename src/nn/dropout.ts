import { checkNumber } from '../core/check.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { zeros } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'

/** Zeroes each value with probability p and scales the rest by 1 / (1 − p) (Srivastava et al. 2014). */
export function dropout(x: Tensor, p: number, generator: Generator): Tensor {
  if (p === 0) return x
  const mask = zeros(x.shape)
  const scale = 1 / (1 - p)
  for (let i = 0; i < mask.size; i++) if (generator.uniform() >= p) mask.data[i] = scale
  return x.mul(mask)
}

/** Dropout as a module: active in training, nothing under `eval()`. */
export class Dropout extends Module {
  readonly p: number
  readonly #generator: Generator

  constructor({ p = 0.5, generator = defaultGenerator() }: { p?: number; generator?: Generator } = {}) {
    super()
    checkNumber('Dropout', 'p', p, 0, 1)
    this.p = p
    this.#generator = generator
  }

  forward(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p, this.#generator) : x
  }
}
