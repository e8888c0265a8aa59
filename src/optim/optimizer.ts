import { checkNumber } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import { FormatError, OptionError } from '../core/errors.js'
import { checkParts, numberProblems } from '../core/saved-state.js'
import type { Device, ParameterUpdate, Storage } from '../device/device.js'
import type { Update } from '../device/update.js'
import { learningOf } from '../kernels/learning.js'
import { zerosOn } from '../tensor/create.js'
import { checkNoneHidden, noteListed } from '../tensor/listings.js'
import { valuesFor } from '../tensor/saved-tensors.js'
import { Tensor } from '../tensor/tensor.js'
import { listOf } from './parameters.js'

/** Parameters with options of their own; options left out are the optimizer's. */
export type GroupOptions<Options> = { params: Iterable<Tensor> } & Partial<Options>

/** The tensors that an optimizer changes, or groups of them. */
export type OptimizerParameters<Options> = Iterable<Tensor> | Iterable<GroupOptions<Options>>

/** A group with all its options. Its learning rate may be changed between steps. */
export type ParameterGroup<Options> = Readonly<Omit<Required<Options>, 'lr'>> & {
  readonly params: readonly Tensor[]
  lr: number
}

/** The state of an optimizer besides the parameters, flat, so that a .safetensors file and JSON can hold it. */
export interface OptimizerState {
  /** Averages and momenta under PyTorch's names and the parameter's number, such as `exp_avg.0`. */
  tensors: Record<string, Tensor>
  /** `lr.<group>`: the current learning rates; `step.<parameter>`: how many steps the parameter took. */
  values: Record<string, number>
}

/** A parameter with the optimizer's values for it. */
interface ParameterState<Options> {
  readonly parameter: Tensor
  readonly group: ParameterGroup<Options>
  readonly buffers: Readonly<Record<string, Tensor>>
  steps: number
}

/**
 * What optimizers share: groups of parameters, learning rates, and a state that can be saved. A subclass defines how
 * one parameter is updated. As in PyTorch, a parameter without a gradient is skipped: it neither decays nor counts a
 * step.
 */
export abstract class Optimizer<Options extends { lr?: number } = { lr?: number }> {
  readonly groups: readonly ParameterGroup<Options>[]
  /** The parameters of all groups, one group after another; the state numbers them in this order. */
  readonly parameters: readonly Tensor[]
  readonly #name: string
  readonly #slots: readonly ParameterState<Options>[]
  #checked = false

  /**
   * @param defaults the value of every option that neither `options` nor a group gives
   * @throws OptionError for an option out of range, if there are no parameters, or if one is in two groups or not a
   *   leaf of floats
   */
  protected constructor(
    name: string,
    parameters: OptimizerParameters<Options>,
    options: Options,
    defaults: Omit<Required<Options>, 'lr'> & { lr?: number },
  ) {
    const kinds = kindsOf({ lr: undefined, ...defaults })
    checkOptions(name, options, kinds)
    const items: (Tensor | GroupOptions<Options>)[] = listOf<Tensor | GroupOptions<Options>>(name, parameters)
    const tensors = items.filter((item) => item instanceof Tensor)
    const groups = tensors.length === items.length ? [{ params: tensors }] : items
    this.#name = name
    this.groups = groups.map((group, i) => {
      if (typeof group !== 'object' || group === null || !('params' in group)) {
        throw new OptionError(`${name}: item ${i} has no params, expected either tensors or groups { params, … }`)
      }
      const { params, ...own } = group
      checkOptions(`${name}: group ${i}`, own, kinds)
      const complete = { ...defaults, ...defined(options), ...defined(own) } as unknown as Required<Options>
      checkNumber(name, 'lr', complete.lr, 0)
      this.check(name, complete)
      // A tensor that two layers share is updated once.
      return { ...complete, params: [...new Set(listOf(`${name}: group ${i}`, params))] } as ParameterGroup<Options>
    })
    this.parameters = this.groups.flatMap(({ params }) => params)
    checkParameters(name, this.parameters)
    noteListed(this.parameters, false)
    this.#slots = this.groups.flatMap((group) => {
      const names = this.bufferNames(group)
      return group.params.map((parameter) => {
        const { device, shape } = parameter
        const buffers = names.map((buffer) => [buffer, zerosOn(device, shape).keep_()])
        return { parameter, group, buffers: Object.fromEntries(buffers), steps: 0 }
      })
    })
  }

  /** Throws an OptionError under the optimizer's name. Runs before the fields of a subclass are initialized. */
  protected abstract check(name: string, options: Required<Options>): void

  /** The names of each parameter's buffers in a group. Runs before the fields of a subclass are initialized. */
  protected abstract bufferNames(group: ParameterGroup<Options>): string[]

  /** How a parameter of the group is updated. @param step counted from 1, for this parameter */
  protected abstract rule(step: number, group: ParameterGroup<Options>): Update

  /**
   * Changes every parameter that has a gradient.
   * @throws OptionError if a learning rate was set to anything but a number of 0 or more, if the gradients are those of
   *   a model with a parameter that its `parameters()` cannot see, or if a parameter has moved to another device since
   *   the optimizer was made
   */
  step(): void {
    this.checkStep()
    const updates = new Map<Device, ParameterUpdate<Storage>[]>()
    for (const slot of this.#slots) {
      const { parameter, group } = slot
      const { gradStorage: grad, device } = parameter
      if (!grad) continue
      slot.steps++
      const update = { rule: this.rule(slot.steps, group), parameter: parameter.storage, grad }
      const all = updates.get(device) ?? []
      all.push({ ...update, buffers: this.#storagesOf(slot) })
      updates.set(device, all)
    }
    for (const [device, all] of updates) learningOf(device).update(all)
  }

  /** Throws what `step` would throw, before anything is changed. */
  checkStep(): void {
    if (!this.#checked) checkNoneHidden(`${this.#name}.step`, this.parameters)
    this.#checked ||= this.parameters.some(({ gradStorage }) => gradStorage)
    for (const { lr } of this.groups) checkNumber(`${this.#name}.step`, 'lr', lr, 0)
    for (const slot of this.#slots) if (slot.parameter.gradStorage) this.#storagesOf(slot)
  }

  /** Sets the gradients of all parameters to null. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = null
  }

  /** The learning rate of the first group. Setting it sets all groups; `groups[i].lr` changes one. */
  get lr(): number {
    return this.groups[0].lr
  }

  set lr(lr: number) {
    checkNumber(this.#name, 'lr', lr, 0)
    for (const group of this.groups) group.lr = lr
  }

  /** A copy of everything besides parameters and options that a training needs to continue with the same bits. */
  stateDict(): OptimizerState {
    const tensors = [...this.#buffers()].map(([name, buffer]) => [name, buffer.clone()])
    return { tensors: Object.fromEntries(tensors), values: this.#values() }
  }

  /**
   * Loads the `stateDict()` of an optimizer with the same options and parameters. Everything is checked before anything
   * is changed.
   * @throws FormatError that lists missing and unknown names, wrong shapes, and values that are not numbers
   */
  loadStateDict(state: OptimizerState): void {
    checkParts(`${this.#name}.loadStateDict`, state, ['tensors', 'values'], 'stateDict')
    const { tensors, values } = state
    const buffers = this.#buffers()
    const saved = valuesFor(buffers, tensors)
    const problems = [...saved.problems, ...numberProblems(this.#values(), values)]
    if (problems.length > 0) throw new FormatError(`${this.#name}.loadStateDict: ${problems.join('; ')}`)
    for (const [name, buffer] of buffers) buffer.copy_(saved.values.get(name)!)
    this.groups.forEach((group, i) => {
      group.lr = values[`lr.${i}`]
    })
    this.#slots.forEach((slot, i) => {
      slot.steps = values[`step.${i}`]
    })
  }

  #buffers(): Map<string, Tensor> {
    const named = this.#slots.flatMap(({ buffers }, i) =>
      Object.entries(buffers).map(([name, buffer]) => [`${name}.${i}`, buffer] as const),
    )
    return new Map(named)
  }

  #storagesOf({ parameter, buffers }: ParameterState<Options>): Record<string, Storage> {
    const storages: Record<string, Storage> = {}
    for (const name in buffers) {
      const { device, storage } = buffers[name]
      if (device !== parameter.device) {
        throw new OptionError(
          `${this.#name}.step: a parameter is on ${parameter.device.name}, expected ${device.name}, where the optimizer was made; move a model before making its optimizer`,
        )
      }
      storages[name] = storage
    }
    return storages
  }

  #values(): Record<string, number> {
    return Object.fromEntries([
      ...this.groups.map(({ lr }, i) => [`lr.${i}`, lr]),
      ...this.#slots.map(({ steps }, i) => [`step.${i}`, steps]),
    ])
  }
}

/** The kinds of an optimizer's options, judged by their defaults. */
const kindsOf = (defaults: Readonly<Record<string, unknown>>): Record<string, 'boolean' | 'any'> =>
  Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, typeof value === 'boolean' ? 'boolean' : 'any']),
  )

/** The options that are given: undefined means the default, as for a function's parameters. */
const defined = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

function checkParameters(name: string, parameters: readonly Tensor[]): void {
  if (parameters.length === 0)
    throw new OptionError(
      `${name}: no parameters, expected at least one; layers in private fields (#name) are not found`,
    )
  parameters.forEach((parameter, i) => {
    const problem = !(parameter instanceof Tensor)
      ? 'is not a tensor'
      : parameter.dtype !== 'float'
        ? 'holds whole numbers'
        : parameter.origin
          ? 'is the result of an operation'
          : parameters.indexOf(parameter) < i
            ? 'is also in an earlier group'
            : undefined
    if (problem) {
      throw new OptionError(`${name}: parameter ${i} ${problem}, expected leaves of floats, each in one group`)
    }
  })
}
