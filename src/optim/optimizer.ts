import { checkNumber } from '../core/check.js'
import { OptionError } from '../core/errors.js'
import type { Tensor } from '../tensor/tensor.js'

/** What optimizers share: the parameters, the learning rate, and the gradients' reset. */
export abstract class Optimizer {
  readonly parameters: readonly Tensor[]
  /** Learning rate; may be changed between steps. */
  lr: number

  protected constructor(name: string, parameters: Iterable<Tensor>, lr: number) {
    checkNumber(name, 'lr', lr, 0)
    this.parameters = [...parameters]
    this.lr = lr
    if (this.parameters.length === 0) throw new OptionError(`${name}: no parameters, expected at least one`)
  }

  /** Changes every parameter that has a gradient. */
  abstract step(): void

  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = null
  }
}
