import { describe } from '../core/describe.js'
import { GradientError } from '../core/errors.js'
import type { Device, Storage } from '../device/device.js'
import { copyOf, fromOne } from './value.js'

/** A tensor as the graph sees it. */
export interface Variable {
  readonly requiresGrad: boolean
  /** The operation that made it, and which of its outputs it is; absent for leaves. */
  readonly origin?: Origin
  /** Adds to the gradient of a leaf. `owned` means that nobody else holds the storage. */
  accumulateGrad(grad: Storage, owned: boolean): void
}

export interface Origin {
  node: Node
  output: number
}

type Backward = (dys: (Storage | undefined)[]) => (Storage | undefined)[]

let created = 0
let enabled = true

/** An operation in the graph. Operations are numbered as they run, so the backward pass takes them in reverse. */
export class Node {
  readonly id = created++
  /** The backward pass; dropped once it has run, together with everything it holds. */
  backward: Backward | undefined

  constructor(
    /** Dropped together with the backward pass, so that keeping a loss doesn't keep its whole graph. */
    public inputs: readonly Variable[],
    backward: Backward,
  ) {
    this.backward = backward
  }
}

/** Whether operations are currently recorded. */
export const isGradEnabled = (): boolean => enabled

/** Whether an operation with these inputs is recorded. */
export const isRecorded = (inputs: readonly (Variable | undefined)[]): boolean =>
  enabled && inputs.some((input) => input?.requiresGrad)

/**
 * Runs `body` without recording: its results are constants, and nothing is kept for a backward pass.
 * @throws GradientError if `body` is not a function, or is asynchronous: other code would run unrecorded while it waits
 */
export function noGrad<T>(body: () => T): T {
  if (typeof body !== 'function') throw new GradientError(`noGrad: the body is ${describe(body)}, expected a function`)
  const before = enabled
  enabled = false
  try {
    const result = body()
    if (result instanceof Promise) {
      result.catch(() => undefined)
      throw new GradientError(
        'noGrad: the body is asynchronous, expected a synchronous function; await its result outside',
      )
    }
    return result
  } finally {
    enabled = before
  }
}

/** A gradient that is being accumulated; `owned` means that nobody else holds its storage. */
interface GradientSum {
  grad: Storage
  owned: boolean
}

/** sum += grad. `owned` means that nobody else holds the storage of `grad`, which is then freed. */
export function addInto(device: Device, sum: Storage, grad: Storage, owned: boolean): void {
  device.addScaled(1, grad, sum)
  if (owned) device.free(grad)
}

function addTo(device: Device, slot: GradientSum | undefined, grad: Storage, owned: boolean): GradientSum {
  if (!slot) return { grad, owned }
  const sum = slot.owned ? slot.grad : copyOf(device, slot.grad)
  addInto(device, sum, grad, owned)
  return { grad: sum, owned: true }
}

/**
 * Walks the graph back from one output, a scalar, and adds to the gradients of the leaves.
 * @returns the leaves whose gradients were added to
 */
export function runBackward(device: Device, root: Node, output: number): Set<Variable> {
  const leaves = new Set<Variable>()
  const seed = device.from([1])
  const waiting = new Map<Node, (GradientSum | undefined)[]>([[root, []]])
  waiting.get(root)![output] = { grad: seed, owned: true }
  const nodes = nodesBefore(root)
  // This is checked before any gradient is added to, so that a refused call leaves the leaves as they were.
  if (nodes.some((node) => !node.backward)) {
    throw new GradientError(
      'backward: the graph was used by an earlier backward(), expected a new forward pass; detach() any state that is carried over',
    )
  }
  for (const node of nodes) {
    const slots = waiting.get(node)
    if (!slots) continue
    waiting.delete(node)
    const { inputs } = node
    const backward = node.backward!
    node.backward = undefined
    node.inputs = []
    const run = () => backward(Array.from(slots, (slot) => slot?.grad))
    const grads = node === root ? fromOne(seed, run) : run()
    for (const slot of slots) if (slot?.owned && !grads.includes(slot.grad)) device.free(slot.grad)
    const shared = new Set(slots.filter((slot) => slot && !slot.owned).map((slot) => slot!.grad))
    inputs.forEach((input, i) => {
      const grad = grads[i]
      if (!grad || !input.requiresGrad) return
      const owned = !shared.has(grad) && grads.filter((other) => other === grad).length === 1
      if (!input.origin) {
        input.accumulateGrad(grad, owned)
        leaves.add(input)
        return
      }
      const { node: next, output } = input.origin
      const slots = waiting.get(next) ?? []
      slots[output] = addTo(device, slots[output], grad, owned)
      waiting.set(next, slots)
    })
  }
  return leaves
}

/** All operations that led to `root`, latest first. */
function nodesBefore(root: Node): Node[] {
  const found = new Set([root])
  for (const node of found) {
    for (const { origin, requiresGrad } of node.inputs) if (origin && requiresGrad) found.add(origin.node)
  }
  return [...found].sort((a, b) => b.id - a.id)
}
