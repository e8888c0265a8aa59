import { checkNumber } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { fromData, zerosOn } from '../tensor/create.js'
import { floatsIn } from '../tensor/placed.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'

/**
 * What a dropout mask covers: `independent` draws for each value of a sequence, `variational` for each sequence
 * and feature once, the same at all time steps (Gal & Ghahramani 2016).
 */
export type DropoutKind = 'independent' | 'variational'

export const dropoutKinds: readonly DropoutKind[] = ['independent', 'variational']

/**
 * Zeroes each value with probability p and scales the rest by 1 / (1 − p) (Srivastava et al. 2014).
 * @param kind `variational` takes the first axis of `x` as time
 */
export function dropout(x: Tensor, p: number, generator: Generator, kind: DropoutKind = 'independent'): Tensor {
  if (p === 0) return x
  const { device } = x
  const shape = kind === 'variational' ? x.shape.with(0, 1) : x.shape
  const mask = zerosOn(device, shape)
  // All are dropped where p is 1, and nothing times infinity is no number.
  device.mask(generator.key(), p, p === 1 ? 0 : 1 / (1 - p), mask.storage)
  return x.mul(mask)
}

/** Tokens with each replaced by token 0, which is `<unk>`, with probability p: a dropped token is read as unknown. */
export function dropTokens(tokens: Tensor, p: number, generator: Generator): Tensor {
  if (p === 0) return tokens
  const kept = new Float32Array(tokens.size)
  generator.mask(kept, p, 1)
  return fromData(
    Int32Array.from(tokens.data, (token, i) => token * kept[i]),
    tokens.shape,
  )
}

/** Options of Dropout. */
export interface DropoutOptions {
  /** Probability of dropping a value. Default 0.5. */
  p?: number
  /** Source of the masks. Default: the one that `manualSeed` restarts. */
  generator?: Generator
}

const dropoutOptions: OptionKinds<DropoutOptions> = { p: 'any', generator: 'generator' }

/** Dropout as a module: active in training, nothing under `eval()`. */
export class Dropout extends Module {
  readonly p: number
  readonly #generator: Generator

  constructor(options: DropoutOptions = {}) {
    super()
    checkOptions('Dropout', options, dropoutOptions)
    const { p = 0.5, generator = defaultGenerator() } = options
    checkNumber('Dropout', 'p', p, 0, 1)
    this.p = p
    this.#generator = generator
  }

  protected override get typeName(): string {
    return 'Dropout'
  }

  override ownGenerators(): Generator[] {
    return [...super.ownGenerators(), this.#generator]
  }

  /** Zeroes values in training; under `eval()` it gives `x` itself. */
  forward(x: Tensor): Tensor {
    floatsIn('Dropout.forward', x, 'input')
    return this.training ? dropout(x, this.p, this.#generator) : x
  }
}
