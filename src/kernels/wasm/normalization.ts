import { cells } from '../../device/cells.js'
import type { CellWeights, RecurrentSizes } from '../../device/device.js'
import type { HostStorage } from '../host/host.js'
import type { Engine } from './compile.js'
import { normFields } from './from-assembly.js'
import type { Layout } from './layout.js'
import type { Allocate } from './linear-memory.js'
import { type PlanFields, writeFields } from './plan.js'
import { arrayIn, roomFor } from './resident.js'

/** A vector of parameters that a normalization has, and which of PyTorch's gates each of its blocks holds. */
interface Vector {
  name: 'gainIh' | 'gainHh' | 'gainC' | 'biasC'
  gates: readonly number[]
}

/** One normalization: the blocks of its gain, those of them in its first group, and where its numbers are kept. */
interface Norm extends Vector {
  field: 'inputNorm' | 'hiddenNorm' | 'cellNorm'
  split: number
  values: number
  scales: number
}

const biasC: Vector = { name: 'biasC', gates: [0] }

/** The normalizations in a layer: lays out what assembly/norm.ts works on. */
export class Normalization {
  readonly #norms: Norm[] = []
  /** Values that are kept for the backward pass: x̂ and s of each normalization, and an LSTM's normalized c. */
  readonly length: number

  constructor(
    readonly engine: Engine,
    readonly layout: Layout,
    readonly sizes: RecurrentSizes,
    readonly weights: CellWeights<HostStorage>,
  ) {
    const { parts, rows, units, blocks } = layout
    const { groups } = cells[sizes.cell]
    const inFirst = (gate: number) => gate < groups[0]
    let length = 0
    const add = (field: Norm['field'], name: Vector['name'], gates: readonly number[]) => {
      if (!weights[name]) return
      const split = gates.filter((gate) => inFirst(gate) === inFirst(gates[0])).length
      const scales = length + layout.sequence(gates.length * units)
      this.#norms.push({ field, name, gates, split, values: length, scales })
      length = scales + groups.length * sizes.numSteps * parts * rows
    }
    add('inputNorm', 'gainIh', blocks.input.gates)
    add('hiddenNorm', 'gainHh', blocks.hidden.gates)
    add('cellNorm', 'gainC', [0])
    this.length = length + (weights.gainC ? layout.sequence(units) : 0)
  }

  /** Fields of the plan. @param base the address of what is kept @param dgains where the gradients of gains are added up */
  fields(allocate: Allocate, base: number, dgains: readonly number[] = []): PlanFields {
    if (this.#norms.length === 0) return {}
    const { memory } = this.engine
    const { units, blocks } = this.layout
    const fields: PlanFields = { zeros: this.#vector(allocate, undefined, blocks.blocks) }
    for (const [i, { field, name, gates, split, values, scales }] of this.#norms.entries()) {
      const norm = allocate(normFields.length)
      writeFields(memory, norm, normFields, {
        values: base + values * 4,
        scales: base + scales * 4,
        gain: this.#vector(allocate, { name, gates }, gates.length),
        dgain: dgains[i],
        blocks: gates.length,
        split,
      })
      fields[field] = norm
    }
    if (!this.weights.gainC) return fields
    const normalC = base + (this.length - this.layout.sequence(units)) * 4
    return { ...fields, normalC, biasC: this.#vector(allocate, biasC, 1) }
  }

  /** Fields of the plan for the backward pass, and the gradients after it. */
  backward(allocate: Allocate, base: number) {
    const { memory, residents } = this.engine
    const { parts, rows, units } = this.layout
    const vectors: Vector[] = [...this.#norms, ...(this.weights.gainC ? [biasC] : [])]
    const sums = vectors.map(({ gates }) => this.#zeros(allocate, parts * gates.length * units))
    const fields = this.fields(allocate, base, sums)
    if (this.weights.gainC) {
      fields.dbiasC = sums.at(-1)
      fields.dNormalC = this.#zeros(allocate, parts * rows * units)
    }
    const gradients = () => {
      const entries = vectors.flatMap(({ name, gates }, i) => {
        const parameter = this.weights[name]
        if (!parameter) return []
        const room = roomFor(residents, allocate, parameter)
        memory.write(room.address, this.#sumOfParts(sums[i], gates))
        return [[name, room.values()]]
      })
      return Object.fromEntries(entries) as Pick<CellWeights<HostStorage>, Vector['name']>
    }
    return { fields, gradients }
  }

  #zeros(allocate: Allocate, length: number): number {
    return this.engine.memory.zero(allocate(length), length)
  }

  /** A vector as the kernels have it, [blocks, units], with zeros as padding; nothing but zeros if it is absent. */
  #vector(allocate: Allocate, vector: Vector | undefined, blocks: number): number {
    const { memory } = this.engine
    const { units } = this.layout
    const { hiddenSize } = this.sizes
    const address = this.#zeros(allocate, blocks * units)
    const given = vector && this.weights[vector.name]
    if (!given) return address
    const values = arrayIn(memory, given)
    vector.gates.forEach((gate, block) => {
      const start = address / 4 + block * units
      memory.floats.set(values.subarray(gate * hiddenSize, (gate + 1) * hiddenSize), start)
    })
    return address
  }

  /** The gradient of a vector in PyTorch's order, from the sums of each part of the batch. */
  #sumOfParts(address: number, gates: readonly number[]): Float32Array {
    const { units, parts } = this.layout
    const { hiddenSize } = this.sizes
    const sums = this.engine.memory.read(address, parts * gates.length * units)
    const grad = new Float32Array(gates.length * hiddenSize)
    for (let part = 0; part < parts; part++) {
      gates.forEach((gate, block) => {
        const from = (part * gates.length + block) * units
        for (let unit = 0; unit < hiddenSize; unit++) grad[gate * hiddenSize + unit] += sums[from + unit]
      })
    }
    return grad
  }
}
