import { ShapeError } from '../core/errors.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import type { CellWeights, Device, LayerSizes, RecurrentSizes, RunLayer, Storage } from '../device/device.js'
import { isRecorded, Node } from './autograd.js'
import { floatsIn } from './placed.js'
import { Tensor } from './tensor.js'

/** The parameters of one layer in one direction, and of a linear output on top. */
export interface LayerParameters extends CellWeights<Tensor> {
  head?: LinearHead
}

const parameters = [
  'weightIh',
  'weightHh',
  'biasIh',
  'biasHh',
  'gainIh',
  'gainHh',
  'gainC',
  'biasC',
  'weightCh',
] as const

/** A linear output on top of h: weight [outFeatures, hiddenSize] and bias [outFeatures]. */
export interface LinearHead {
  weight: Tensor
  bias?: Tensor
}

/**
 * Checks a matrix of floats with a known number of columns, and returns its number of rows.
 * @param axes the names of its axes, for messages, up to the closing bracket
 * @throws ShapeError for anything else
 */
export function matrixRows(where: string, name: string, matrix: unknown, columns: number, axes: string): number {
  const { shape } = floatsIn(where, matrix, name)
  if (shape.length === 2 && shape[1] === columns) return shape[0]
  throw new ShapeError(`${where}: ${name} has the shape ${formatShape(shape)}, expected ${axes} = ${columns}]`)
}

/** @throws ShapeError unless a head consists of tensors of floats whose shapes fit `hiddenSize` units */
export function checkHead(where: string, head: LinearHead, hiddenSize: number): void {
  const { weight, bias }: Partial<LinearHead> = Object(head)
  const outFeatures = matrixRows(where, 'head.weight', weight, hiddenSize, '[outFeatures, hiddenSize')
  if (bias !== undefined && !sameShape(floatsIn(where, bias, 'head.bias').shape, [outFeatures])) {
    throw new ShapeError(
      `${where}: head.bias has the shape ${formatShape(bias.shape)}, expected [outFeatures = ${outFeatures}]`,
    )
  }
}

const runOn =
  (device: Device): RunLayer =>
  (sizes, ...given) =>
    device.recurrent(sizes as RecurrentSizes, ...given)

/**
 * One recurrent layer in one direction over a whole sequence, as one operation of the graph with two or three outputs.
 * The shapes are those of `RecurrentInput` and `RecurrentOutput`; the caller checks them. With a head, `output` is its
 * scores.
 * @param run default: that of the device, which has PyTorch's cells
 */
export function recurrentLayer(
  sizes: LayerSizes,
  weights: LayerParameters,
  input: Tensor,
  h0?: Tensor,
  c0?: Tensor,
  run?: RunLayer,
): { output: Tensor; hn: Tensor; cn?: Tensor } {
  const { numSteps, batchSize, hiddenSize } = sizes
  const { head } = weights
  const weight = floatsIn('recurrentLayer', weights.weightIh, 'weightIh')
  const { device } = weight
  const values = (tensor: Tensor | undefined) =>
    tensor && floatsIn('recurrentLayer', tensor, 'a tensor', weight).storage
  const sources = [input, h0, c0, ...parameters.map((name) => weights[name]), head?.weight, head?.bias]
  const keep = isRecorded(sources)
  const { result, tape } = (run ?? runOn(device))(
    sizes,
    {
      ...(Object.fromEntries(
        parameters.map((name) => [name, values(weights[name])]),
      ) as unknown as CellWeights<Storage>),
      head: head && { weight: values(head.weight)!, bias: values(head.bias) },
    },
    { input: input.dtype === 'int32' ? input.data : values(input)!, h0: values(h0), c0: values(c0) },
    keep,
  )
  const made = (storage: Storage, shape: Shape) => new Tensor(storage, shape, false, device)
  const state = [batchSize, hiddenSize]
  const output = made(result.output, [numSteps, batchSize, head ? head.weight.shape[0] : hiddenSize])
  const hn = made(result.hn, state)
  const cn = result.cn && made(result.cn, state)
  if (!tape) return { output, hn, cn }

  const wanted = { input: input.requiresGrad, state: Boolean(h0?.requiresGrad || c0?.requiresGrad) }
  const present = sources.filter((source) => source !== undefined)
  const node = new Node(present, ([output, hn, cn]) => {
    const grads = tape.backward({ output, hn, cn }, wanted)
    const all: (Storage | undefined)[] = [grads.input, grads.h0, grads.c0]
    all.push(...parameters.map((name) => grads[name]), grads.head?.weight, grads.head?.bias)
    return all.filter((grad, i) => {
      const source = sources[i]
      if (grad && source && !source.requiresGrad) device.free(grad)
      return source !== undefined
    })
  })
  for (const [place, tensor] of [output, hn, cn].entries()) {
    if (!tensor) continue
    tensor.requiresGrad = true
    tensor.origin = { node, output: place }
  }
  return { output, hn, cn }
}
