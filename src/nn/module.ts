import { FormatError } from '../core/errors.js'
import { tensorProblems } from '../tensor/state.js'
import { Tensor } from '../tensor/tensor.js'

/**
 * A part of a model: fields that are tensors with gradients are its parameters, fields that are modules (or
 * arrays of them) its children, and their names joined by dots are PyTorch's.
 */
export abstract class Module {
  /** Whether dropout is active; `train()` and `eval()` switch it. */
  training = true

  /** Parameters of this module alone. A layer that keeps them elsewhere than in fields overrides it. */
  ownParameters(): [string, Tensor][] {
    return Object.entries(this).filter((entry): entry is [string, Tensor] => {
      const [, value] = entry
      return value instanceof Tensor && value.requiresGrad
    })
  }

  /** Modules in the fields of this one, by name; those of an array are numbered. */
  children(): [string, Module][] {
    return Object.entries(this).flatMap(([name, value]): [string, Module][] => {
      if (value instanceof Module) return [[name, value]]
      if (!Array.isArray(value)) return []
      return value.flatMap((item, i): [string, Module][] => (item instanceof Module ? [[`${name}.${i}`, item]] : []))
    })
  }

  /**
   * Every parameter of the module and its children, under names like `rnn.weight_ih_l0`. One that several of them
   * share is there once, under its first name.
   */
  namedParameters(): [string, Tensor][] {
    const inside = this.children().flatMap(([prefix, child]) =>
      child.namedParameters().map(([name, tensor]): [string, Tensor] => [`${prefix}.${name}`, tensor]),
    )
    const seen = new Set<Tensor>()
    return [...this.ownParameters(), ...inside].filter(([, tensor]) => !seen.has(tensor) && seen.add(tensor))
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor)
  }

  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null
  }

  train(mode = true): this {
    this.training = mode
    for (const [, child] of this.children()) child.train(mode)
    return this
  }

  eval(): this {
    return this.train(false)
  }

  /** Copies of all parameters by name. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.namedParameters().map(([name, tensor]) => [name, tensor.clone()]))
  }

  /**
   * Takes over the values of `stateDict()`. Everything is checked before anything is changed.
   * @throws FormatError naming what is missing, what is unknown, and what has another shape
   */
  loadStateDict(dict: Readonly<Record<string, Tensor>>): void {
    const own = new Map(this.namedParameters())
    const problems = tensorProblems(own, dict)
    if (problems.length > 0) throw new FormatError(`${this.constructor.name}.loadStateDict: ${problems.join('; ')}`)
    for (const [name, tensor] of own) tensor.data.set(dict[name].data)
  }
}
