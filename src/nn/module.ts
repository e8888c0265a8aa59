import { checkArgument } from '../core/check.js'
import { FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import type { Device } from '../device/device.js'
import { noteListed } from '../tensor/listings.js'
import { type SavedTensor, valuesFor } from '../tensor/saved-tensors.js'
import { Tensor } from '../tensor/tensor.js'
import { type Member, membersOf } from './fields.js'
import { isBuffer } from './parameter.js'

/** What messages call a module whose class is not the library's. */
const OWN_CLASS = 'Module'

/** Modules whose `train()` runs now. No private field: that would break modules inside of a Proxy. */
const switching = new WeakSet<Module>()

/**
 * A part of a model. Its parameters are the `Parameter`s in its fields, and tensors whose gradient is or was wanted
 * (`requiresGrad`); its buffers are those of `registerBuffer`; its children are the modules there. Both may lie in arrays, plain objects, Maps and Sets. Names
 * joined by dots are PyTorch's: `layers.0.weight`. Other tensors in fields are neither learned nor saved.
 *
 * JavaScript lets nobody see the private fields (`#name`) of another class: a module that keeps layers or parameters
 * there overrides `children` or `ownParameters`.
 */
export abstract class Module {
  /** Whether dropout is active; `train()` and `eval()` switch it. */
  training = true

  /** Name of the class in messages: what `class` says does not survive minification. */
  protected get typeName(): string {
    return OWN_CLASS
  }

  /** Parameters of this module alone, by name. */
  ownParameters(): [string, Tensor][] {
    return membersIn(this).flatMap(({ name, value, fault }): [string, Tensor][] =>
      value instanceof Tensor && !isBuffer(value) && !fault ? [[name, value]] : [],
    )
  }

  /** Modules in the fields of this one, by name. */
  children(): [string, Module][] {
    return membersIn(this).flatMap(({ name, value, fault }): [string, Module][] =>
      value instanceof Module && !fault ? [[name, value]] : [],
    )
  }

  /**
   * This module under the name '' and all modules inside it, each once, under its first name.
   * @throws OptionError where a module or parameter inside cannot have a name; the message says why
   */
  namedModules(): [string, Module][] {
    return collect(this, this.typeName).modules
  }

  /**
   * Every parameter of the module and its children, under names like `rnn.weight_ih_l0`, frozen ones included. One
   * that several of them share is there once, under its first name.
   * @throws OptionError where a module or parameter inside cannot have a name; the message says why
   */
  namedParameters(): [string, Tensor][] {
    return collect(this, this.typeName).parameters
  }

  /** Buffers of this module alone, by name: see `registerBuffer`. */
  ownBuffers(): [string, Tensor][] {
    return membersIn(this).flatMap(({ name, value, fault }): [string, Tensor][] =>
      value instanceof Tensor && isBuffer(value) && !fault ? [[name, value]] : [],
    )
  }

  /** Every buffer of the module and its children, by name, each once. */
  namedBuffers(): [string, Tensor][] {
    return collect(this, this.typeName).buffers
  }

  /** `namedParameters` without the names. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor)
  }

  /** The generators in the fields of this module alone. A module that keeps one in a private field overrides it. */
  ownGenerators(): Generator[] {
    return Object.values(this).filter((value) => value instanceof Generator)
  }

  /** Every generator that the module and its children draw from, as for dropout, each once. `Training` saves them. */
  generators(): Generator[] {
    return [...new Set(this.namedModules().flatMap(([, module]) => module.ownGenerators()))]
  }

  /** Freezes all parameters (`false`), or has them learned again. Frozen ones stay in `stateDict()`. */
  requiresGrad_(flag = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(flag)
    return this
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null
  }

  /** Switches dropout of this module and all inside it on, or off. */
  train(mode = true): this {
    // Modules may hold each other.
    if (switching.has(this)) return this
    switching.add(this)
    try {
      this.training = mode
      for (const [, child] of this.children()) child.train(mode)
    } finally {
      switching.delete(this)
    }
    return this
  }

  /** Switches dropout of this module and all inside it off. */
  eval(): this {
    return this.train(false)
  }

  /**
   * Runs `work` under `eval()`. Afterwards this module and each one inside it are in the mode in which they were.
   * @throws OptionError where `work` is asynchronous: others would find dropout off while it waits
   */
  inEval<T>(work: () => T): T {
    checkArgument(`${this.typeName}.inEval`, 'the callback', work, typeof work === 'function', 'a function')
    const modes = this.namedModules().map(([, module]) => ({ module, training: module.training }))
    this.eval()
    try {
      const result = work()
      if (result instanceof Promise) {
        result.catch(() => undefined)
        throw new OptionError(`${this.typeName}.inEval: the callback is asynchronous, expected a synchronous one`)
      }
      return result
    } finally {
      for (const { module, training } of modes) module.training = training
    }
  }

  /** Copies of all parameters and buffers by name. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(collect(this, this.typeName).states.map(([name, tensor]) => [name, tensor.clone()]))
  }

  /**
   * Takes over the values of `stateDict()`, also of one that went through JSON or `structuredClone`. Everything is
   * checked before anything is changed.
   * @throws FormatError naming what is missing, what is unknown, what has another shape, and what is no tensor
   */
  loadStateDict(dict: Readonly<Record<string, SavedTensor>>): void {
    const own = new Map(collect(this, this.typeName).states)
    const { values, problems } = valuesFor(own, dict)
    if (problems.length > 0) throw new FormatError(`${this.typeName}.loadStateDict: ${problems.join('; ')}`)
    for (const [name, tensor] of own) tensor.copy_(values.get(name)!)
  }

  /**
   * Moves all parameters, their gradients and the buffers to a device. An optimizer is made afterwards: what it keeps
   * lies where the parameters were when it was made.
   * @returns the module itself
   * @throws OptionError on the way off a device, which takes time: `await module.cpu()`
   */
  to(device: Device): this {
    for (const [, tensor] of collect(this, this.typeName).states) tensor.to_(device)
    return this
  }

  /** Moves everything that `to` moves into the memory of the program. */
  async cpu(): Promise<this> {
    await Promise.all(collect(this, this.typeName).states.map(([, tensor]) => tensor.cpu_()))
    return this
  }
}

/** The modules and parameters in the fields of a module. */
function membersIn(module: Module): Member<Module | Tensor>[] {
  const isMember = (value: object): value is Module | Tensor => value instanceof Module || value instanceof Tensor
  return membersOf(module, isMember).filter(
    ({ value }) => value instanceof Module || value.isParameter || isBuffer(value),
  )
}

/** All modules, parameters and buffers of a module, itself included, by name. */
function collect(root: Module, typeName: string) {
  const modules: [string, Module][] = []
  const parameters: [string, Tensor][] = []
  const buffers: [string, Tensor][] = []
  const known = new Set<Module | Tensor>()
  const names = new Set<string>()
  const refuse = (name: string, value: object, fault: string): never => {
    const what = value instanceof Module ? 'module' : isBuffer(value as Tensor) ? 'buffer' : 'parameter'
    throw new OptionError(`${typeName}.parameters: the ${what} ${name} cannot be listed: ${fault}`)
  }
  const add = <T extends Module | Tensor>(to: [string, T][], name: string, value: T) => {
    if (known.has(value)) return
    if (names.has(name)) refuse(name, value, 'another one has the same name')
    known.add(value)
    names.add(name)
    to.push([name, value])
  }
  const waiting: [string, Module][] = [['', root]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [name, module] = next
    if (known.has(module)) continue
    add(modules, name, module)
    const prefix = name === '' ? '' : `${name}.`
    for (const [own, tensor] of module.ownParameters()) add(parameters, `${prefix}${own}`, tensor)
    for (const [own, tensor] of module.ownBuffers()) add(buffers, `${prefix}${own}`, tensor)
    for (const [child, inside] of module.children().reverse()) waiting.push([`${prefix}${child}`, inside])
  }
  for (const [name, module] of modules) {
    for (const { name: inside, value, fault } of membersIn(module)) {
      if (fault && !known.has(value)) refuse(name === '' ? inside : `${name}.${inside}`, value, fault)
    }
  }
  noteListed(
    parameters.map(([, parameter]) => parameter),
    // A class that is not the library's may have private fields, whether or not anything else is inside.
    modules.length > 1 || typeName === OWN_CLASS,
  )
  return { modules, parameters, buffers, states: [...parameters, ...buffers] }
}
