import { checkNumber } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { fromData, zerosOn } from '../tensor/create.js'
import { floatsIn } from '../tensor/placed.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'

/**
 * How a dropout mask is drawn: `independent` draws for each value; `variational` draws once for each sequence and
 * feature, and uses the same mask at all time steps (Gal & Ghahramani 2016).
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
  // If p is 1, all values are dropped; the factor 1 / 0 would turn them into NaN.
  device.mask(generator.key(), p, p === 1 ? 0 : 1 / (1 - p), mask.storage)
  return x.mul(mask)
}

/** Replaces each token by 0, which is `<unk>`, with probability p: a dropped token is read as unknown. */
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
  /** The probability of dropping a value. Default 0.5. */
  p?: number
  /** Draws the masks. Default: the generator that `manualSeed` restarts. */
  generator?: Generator
}

const dropoutOptions: OptionKinds<DropoutOptions> = { p: 'any', generator: 'generator' }

/** Dropout as a module: active in training, off after `eval()`. */
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

  /** Zeroes values in training; after `eval()` it returns `x` itself. */
  forward(x: Tensor): Tensor {
    floatsIn('Dropout.forward', x, 'input')
    return this.training ? dropout(x, this.p, this.#generator) : x
  }
}
