import { addressOfTopic, fromPage, type Topic, topics } from '../plan'
import { type Declaration, Kind, type Project } from './typedoc'

/** A public name: its declaration, where it is described, and what it can be imported from. */
export interface PublicName {
  declaration: Declaration
  topic: Topic
  /** Such as `unrolled/browser`. */
  entries: readonly Entry[]
}

export interface Entry {
  module: string
  /** Whether only Node has the name there. */
  nodeOnly: boolean
}

/** The topic of names by the folder of their source. */
const topicOfFolder: Record<string, string> = {
  core: 'core',
  data: 'data',
  device: 'devices',
  formats: 'formats',
  generate: 'generation',
  kernels: 'devices',
  nn: 'layers',
  optim: 'optimizers',
  run: 'runs',
  tensor: 'tensors',
  train: 'training',
}

/** The modules of TypeDoc by the name that a program imports. `node` and `index` are one name: which it is depends on the platform. */
const moduleOf: Record<string, string> = {
  index: 'unrolled',
  node: 'unrolled',
  browser: 'unrolled/browser',
  config: 'unrolled/config',
  formats: 'unrolled/formats',
  inference: 'unrolled/inference',
}

function topicOf(module: string, { name, sources }: Declaration): Topic {
  // Where an entry has a name of its own, it does something that only this entry does.
  const folder = /^(?:src\/)?(\w+)\//.exec(sources?.[0]?.fileName ?? '')?.[1] ?? ''
  const own =
    ['browser', 'inference', 'node'].includes(module) && ['browser', 'formats', 'node', 'server'].includes(folder)
  const id = own ? module : topicOfFolder[folder]
  const topic = topics.find((one) => one.id === id)
  if (!topic) throw new Error(`${name} of ${module}: its folder ${folder} has no topic; add it to topicOfFolder`)
  return topic
}

/** Everything that the package exports, and the addresses of all that can be linked to. */
export class PublicNames {
  readonly all: readonly PublicName[]
  readonly #byId = new Map<number, string>()
  readonly #byName = new Map<string, string>()
  /** The member that an inherited one is, which may be inherited itself. */
  readonly #origins = new Map<number, unknown>()

  constructor({ children: modules }: Project) {
    const entries = new Map<number, Set<string>>()
    for (const { name: module, children = [] } of modules) {
      if (!(module in moduleOf)) throw new Error(`the entry ${module} is not known; add it to moduleOf`)
      for (const { id, kind, target } of children) {
        const own = kind === Kind.reference ? target! : id
        entries.set(own, (entries.get(own) ?? new Set()).add(module))
      }
    }
    this.all = modules
      .flatMap(({ name: module, children = [] }) =>
        children
          .filter(({ kind }) => kind !== Kind.reference)
          .map((declaration) => ({
            declaration,
            topic: topicOf(module, declaration),
            entries: entriesOf(entries.get(declaration.id)!),
          })),
      )
      .sort(
        (a, b) => order(a.declaration) - order(b.declaration) || a.declaration.name.localeCompare(b.declaration.name),
      )
    const taken = new Set<string>()
    for (const { declaration, topic } of this.all) {
      const address = `${fromPage(addressOfTopic(topic))}#${declaration.name}`
      if (taken.has(address)) throw new Error(`two names have the address ${address}`)
      taken.add(address)
      this.#byId.set(declaration.id, address)
      for (const signature of declaration.signatures ?? []) this.#byId.set(signature.id, address)
      // Of names that several entries have, text means the one that all platforms share.
      if (!this.#byName.has(declaration.name)) this.#byName.set(declaration.name, address)
      for (const child of declaration.children ?? []) {
        if (child.inheritedFrom) this.#origins.set(child.id, child.inheritedFrom.target)
        if (child.kind === Kind.constructor || child.flags.isInherited) continue
        this.#byId.set(child.id, `${address}.${child.name}`)
        this.#byName.set(`${declaration.name}.${child.name}`, `${address}.${child.name}`)
      }
    }
  }

  /** The address of a declaration or a member, by its number. */
  addressOf(target: unknown): string | undefined {
    const id = target as number
    return this.#byId.get(id) ?? (this.#origins.has(id) ? this.addressOf(this.#origins.get(id)) : undefined)
  }

  /** The address of what code names, such as `RNN`, `train()` or `Module.stateDict`. */
  addressOfCode(code: string): string | undefined {
    return this.#byName.get(code.replace(/^new /, '').replace(/\(.*\)$/s, ''))
  }
}

/** Classes and functions are what one looks for; interfaces and types describe what they take and give. */
const order = ({ kind }: Declaration): number =>
  [Kind.class, Kind.function, Kind.variable, Kind.interface, Kind.typeAlias].indexOf(kind as 64)

function entriesOf(modules: ReadonlySet<string>): Entry[] {
  return [...modules]
    .filter((module) => !(module === 'node' && modules.has('index')))
    .map((module) => ({ module: moduleOf[module], nodeOnly: module === 'node' }))
    .sort((a, b) => a.module.localeCompare(b.module))
}
