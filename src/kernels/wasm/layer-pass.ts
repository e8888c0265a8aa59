import type {
  LayerSizes,
  RecurrentGrads,
  RecurrentInput,
  RecurrentOutput,
  RecurrentOutputGrads,
  RecurrentWeights,
} from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { HeadPass } from './head.js'
import type { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { layerFields, PLAN_LENGTH, type PlanFields, writePlan } from './plan.js'
import { arrayIn } from './resident.js'
import type { Kept, Tapes } from './tapes.js'
import { LayerWeights } from './weights.js'

/** Which gradients are wanted besides those of the weights. */
export interface Wanted {
  input: boolean
  state: boolean
}

/**
 * One layer in one direction, as one operation whose forward pass keeps named parts for its backward pass. States lie in
 * panels, at places that say which panels and which steps.
 */
export abstract class LayerPass<Part extends string, Place, Grads = RecurrentGrads<HostStorage>> {
  protected readonly layerWeights: LayerWeights
  protected readonly head: HeadPass | undefined
  protected readonly tokens: boolean
  #kept: Kept | undefined

  constructor(
    readonly engine: Engine,
    readonly sizes: LayerSizes,
    readonly weights: RecurrentWeights<HostStorage>,
    input: HostStorage | Int32Array,
    protected readonly layout: Layout,
  ) {
    this.layerWeights = new LayerWeights(engine, layout, sizes)
    this.head = weights.head && new HeadPass(engine, weights.head, layout, sizes)
    this.tokens = input instanceof Int32Array
  }

  /** The lengths of the kept parts, in the order in which they lie. */
  protected abstract readonly lengths: Readonly<Record<Part, number>>
  /** @param at the addresses of the kept parts */
  protected abstract walkForward(
    at: Record<Part, number>,
    input: RecurrentInput<HostStorage>,
    allocate: Allocate,
  ): RecurrentOutput
  protected abstract walkBackward(
    at: Record<Part, number>,
    grads: RecurrentOutputGrads<HostStorage>,
    wanted: Wanted,
    allocate: Allocate,
  ): Grads

  /** For some rows of a state at a time: where they lie in `raw`, how many, where their panels lie, and how far apart. */
  protected abstract eachRows(
    raw: number,
    place: Place,
    body: (rows: number, count: number, panels: number, panel: number) => void,
  ): void

  forward(input: RecurrentInput<HostStorage>, tapes: Tapes | undefined): RecurrentOutput {
    const { memory } = this.engine
    const length = Object.values<number>(this.lengths).reduce((sum, part) => sum + part)
    const base = memory.allocate(length)
    const { padded, features } = this.layout
    if (padded || (!this.tokens && features !== this.sizes.inputSize)) memory.zero(base, length)
    try {
      const result = memory.scope((allocate) => this.walkForward(this.#addresses(base), input, allocate))
      if (tapes) this.#kept = tapes.keep(base, length)
      return result
    } finally {
      if (!this.#kept) memory.free(base)
    }
  }

  backward(grads: RecurrentOutputGrads<HostStorage>, wanted: Wanted): Grads {
    const kept = this.#kept!
    try {
      return this.engine.memory.scope((allocate) =>
        this.walkBackward(this.#addresses(kept.take()), grads, wanted, allocate),
      )
    } finally {
      kept.free()
    }
  }

  /** Writes a state [batchSize, hiddenSize], or zeros if it is absent. */
  protected load(state: HostStorage | undefined, place: Place): void {
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    memory.scope((allocate) => {
      const raw = allocate(batchSize * hiddenSize)
      if (state) memory.write(raw, arrayIn(memory, state))
      else memory.zero(raw, batchSize * hiddenSize)
      this.eachRows(raw, place, (rows, count, panels, panel) => {
        code.loadRows(rows, count, hiddenSize, panels, panel, this.layout.width)
      })
    })
  }

  protected read(place: Place): Float32Array {
    const { code, memory } = this.engine
    const { batchSize, hiddenSize } = this.sizes
    return memory.scope((allocate) => {
      const raw = allocate(batchSize * hiddenSize)
      this.eachRows(raw, place, (rows, count, panels, panel) => {
        code.storeRows(panels, panel, rows, count, hiddenSize, this.layout.width)
      })
      return memory.read(raw, batchSize * hiddenSize)
    })
  }

  /** Writes what all layers have to a plan, and the fields that this pass has. */
  protected plan(allocate: Allocate, fields: PlanFields): number {
    const plan = allocate(PLAN_LENGTH)
    writePlan(this.engine.memory, plan, {
      ...layerFields(this.layout, this.sizes),
      tokens: Number(this.tokens),
      ...fields,
    })
    return plan
  }

  /** The address of each kept part. */
  #addresses(base: number): Record<Part, number> {
    let end = base
    const places = Object.entries<number>(this.lengths).map(([part, length]) => {
      end += length * 4
      return [part, end - length * 4]
    })
    return Object.fromEntries(places) as Record<Part, number>
  }
}
