import { checkArgument } from '../core/check.js'
import { inspected } from '../core/describe.js'
import { FormatError, OptionError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import type { Device } from '../device/device.js'
import { noteListed } from '../tensor/listings.js'
import { type SavedTensor, valuesFor } from '../tensor/saved-tensors.js'
import { Tensor } from '../tensor/tensor.js'
import { type Member, membersOf } from './fields.js'
import { isBuffer } from './parameter.js'

/** The name in messages of a module whose class is not the library's. */
const OWN_CLASS = 'Module'

/** Modules whose `train()` is running. A private field instead would break modules inside a Proxy. */
const switching = new WeakSet<Module>()

/** The fields where the parameters of each module were when they were last listed. */
const parameterFields = new WeakMap<Module, Set<string>>()

/**
 * A part of a model. Its parameters are the `Parameter`s in its fields, and the tensors there that require a gradient
 * or once did; its buffers are the tensors there that went through `registerBuffer`; its children are the modules
 * there. All of them may also be in arrays, plain objects, Maps and Sets. Names are joined by dots like PyTorch's:
 * `layers.0.weight`. Other tensors in fields are neither learned nor saved. `copy_` changes the values of a parameter; a
 * plain tensor assigned in its place is refused when the parameters are next listed.
 *
 * JavaScript hides the private fields (`#name`) of a class from all other code: a module that keeps layers or
 * parameters there must override `children` or `ownParameters`.
 */
export abstract class Module {
  /** Whether dropout is active; `train()` and `eval()` switch it. */
  training = true

  /** The name of the class in messages. Class names do not survive minification. */
  protected get typeName(): string {
    return OWN_CLASS
  }

  /** What messages call a module that was given in place of something else. */
  get [Symbol.toStringTag](): string {
    return this.typeName
  }

  /** The parameters of this module alone, by name. */
  ownParameters(): [string, Tensor][] {
    return membersIn(this).flatMap(({ name, value, fault }): [string, Tensor][] =>
      value instanceof Tensor && !isBuffer(value) && !fault ? [[name, value]] : [],
    )
  }

  /** The modules in the fields of this one, by name. */
  children(): [string, Module][] {
    return membersIn(this).flatMap(({ name, value, fault }): [string, Module][] =>
      value instanceof Module && !fault ? [[name, value]] : [],
    )
  }

  /**
   * This module, under the name '', and all modules inside it, each once, under its first name.
   * @throws OptionError if a module or parameter inside cannot have a name; the message says why
   */
  namedModules(): [string, Module][] {
    return collect(this, this.typeName).modules
  }

  /**
   * Every parameter of the module and its children, under names like `rnn.weight_ih_l0`, including frozen ones. A
   * parameter that several modules share is listed once, under its first name.
   * @throws OptionError if a module or parameter inside cannot have a name; the message says why
   */
  namedParameters(): [string, Tensor][] {
    return collect(this, this.typeName).parameters
  }

  /** The buffers of this module alone, by name: see `registerBuffer`. */
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

  /**
   * The generators in the fields of this module alone. A module with one in a private field must override this method.
   */
  ownGenerators(): Generator[] {
    return Object.values(this).filter((value) => value instanceof Generator)
  }

  /**
   * Every generator that the module and its children draw from, such as for dropout, each once. `Training` saves them.
   */
  generators(): Generator[] {
    return [...new Set(this.namedModules().flatMap(([, module]) => module.ownGenerators()))]
  }

  /** Freezes all parameters (`false`), or makes them learn again. Frozen ones stay in `stateDict()`. */
  requiresGrad_(flag = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(flag)
    return this
  }

  /** Sets the gradients of all parameters to null. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null
  }

  /** Switches dropout on, or off, in this module and all modules inside it. */
  train(mode = true): this {
    // Modules may contain each other.
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

  /** Switches dropout off in this module and all modules inside it. */
  eval(): this {
    return this.train(false)
  }

  /**
   * Runs `work` in evaluation mode. Afterwards this module and each module inside it return to their former modes.
   * @throws OptionError if `work` is asynchronous: other code would find dropout off while it waits
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
   * Loads the values of a `stateDict()`, which may have gone through JSON or `structuredClone`. Everything is checked
   * before anything is changed.
   * @throws FormatError that lists missing and unknown names, wrong shapes, and values that are not tensors
   */
  loadStateDict(dict: Readonly<Record<string, SavedTensor>>): void {
    const own = new Map(collect(this, this.typeName).states)
    const { values, problems } = valuesFor(own, dict)
    if (problems.length > 0) throw new FormatError(`${this.typeName}.loadStateDict: ${problems.join('; ')}`)
    for (const [name, tensor] of own) tensor.copy_(values.get(name)!)
  }

  /**
   * Moves all parameters, their gradients and the buffers to a device. Make the optimizer afterwards: its state stays
   * on the device where the parameters were when it was made.
   * @returns the module itself
   * @throws OptionError if the values are on another device, which must be awaited: call `await module.cpu()` first
   */
  to(device: Device): this {
    for (const [, tensor] of collect(this, this.typeName).states) tensor.to_(device)
    return this
  }

  /** Moves all parameters, their gradients and the buffers into main memory. */
  async cpu(): Promise<this> {
    await Promise.all(collect(this, this.typeName).states.map(([, tensor]) => tensor.cpu_()))
    return this
  }

  /** The module and those inside for people to look at: a line for each, with its sizes and its number of parameters. */
  toString(): string {
    const all = new Set<Tensor>()
    const lines = [...modulesIn(this)].map(([name, module]) => {
      const own = module.ownParameters().map(([, parameter]) => parameter)
      for (const parameter of own) all.add(parameter)
      const kind = module.typeName === OWN_CLASS ? module.constructor.name : module.typeName
      const sizes = Object.entries(module).filter(([option, value]) => isTelling(option, value))
      const options = sizes.map(([option, value]) => `${option}: ${value}`).join(', ')
      const count = own.length > 0 && module !== this ? `, ${countOf(own)}` : ''
      return `${name && `  ${name}: `}${kind}${options && `(${options})`}${count}`
    })
    const [first, ...rest] = lines
    const shown = rest.length > 100 ? [...rest.slice(0, 100), `  … and ${rest.length - 100} more modules`] : rest
    return [`${first}, ${countOf(all)}`, ...shown].join('\n')
  }

  /** What the console shows. */
  [inspected](): string {
    return this.toString()
  }
}

/** Whether a field says something about a module's size: a number, or a switch that is usually off. */
const isTelling = (field: string, value: unknown) =>
  (typeof value === 'number' && value !== 0) || (value === true && field !== 'training' && field !== 'bias')

function countOf(parameters: Iterable<Tensor>): string {
  const count = Array.from(parameters).reduce((sum, { size }) => sum + size, 0)
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'parameter' : 'parameters'}`
}

/** A module, under the name '', and all modules inside it, each once, under its first name. */
function* modulesIn(root: Module): Iterable<[string, Module]> {
  const seen = new Set<Module>()
  const waiting: [string, Module][] = [['', root]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [name, module] = next
    if (seen.has(module)) continue
    seen.add(module)
    yield next
    for (const [child, inside] of module.children().reverse())
      waiting.push([name === '' ? child : `${name}.${child}`, inside])
  }
}

/** The modules and tensors in the fields of a module. */
function fieldsOf(module: Module): Member<Module | Tensor>[] {
  return membersOf(module, (value) => value instanceof Module || value instanceof Tensor)
}

const isMember = (value: Module | Tensor) => value instanceof Module || value.isParameter || isBuffer(value)

/** The modules, parameters and buffers in the fields of a module. */
const membersIn = (module: Module) => fieldsOf(module).filter(({ value }) => isMember(value))

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
  for (const [name, module] of modulesIn(root)) {
    add(modules, name, module)
    const prefix = name === '' ? '' : `${name}.`
    for (const [own, tensor] of module.ownParameters()) add(parameters, `${prefix}${own}`, tensor)
    for (const [own, tensor] of module.ownBuffers()) add(buffers, `${prefix}${own}`, tensor)
  }
  for (const [name, module] of modules) {
    const before = parameterFields.get(module)
    const now = new Set<string>()
    for (const { name: inside, value, fault } of fieldsOf(module)) {
      const place = name === '' ? inside : `${name}.${inside}`
      if (isMember(value)) {
        if (fault && !known.has(value)) refuse(place, value, fault)
        if (value instanceof Tensor && value.isParameter) now.add(inside)
      } else if (before?.has(inside)) {
        throw new OptionError(
          `${typeName}.parameters: the field ${place} held a parameter and now holds a plain tensor, which would be neither trained nor saved; copy its values with copy_ into the parameter, or assign new Parameter(values) before the optimizer is made`,
        )
      }
    }
    parameterFields.set(module, now)
  }
  noteListed(
    parameters.map(([, parameter]) => parameter),
    // A class that is not the library's may have private fields, even if no other module is inside.
    modules.length > 1 || typeName === OWN_CLASS,
  )
  return { modules, parameters, buffers, states: [...parameters, ...buffers] }
}
