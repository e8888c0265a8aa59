import type { RandomKey } from '../../core/counter-random.js'
import type {
  BinaryOp,
  Device,
  MatmulSizes,
  Normalized,
  RecurrentInput,
  RecurrentOutput,
  RecurrentSizes,
  RecurrentTape,
  RecurrentWeights,
  Stack,
  Stepper,
  Storage,
  UnaryOp,
  View,
} from '../../device/device.js'
import type { FindGpu } from '../../platform/platform.js'
import { acquire } from './adapter.js'
import type { GpuStorage } from './buffers.js'
import { copy } from './copy.js'
import { addScaled, affine, binary, clamp, scale, unary } from './elementwise.js'
import { Gpu } from './gpu.js'
import { layerNorm, layerNormGrad } from './layer-norm.js'
import { gpuLearning } from './learning.js'
import { matmul } from './matmul.js'
import { gpuMinimal } from './minimal.js'
import { mask, uniform } from './random.js'
import { recurrent } from './recurrent.js'
import { argmax, pick, put, sumAxis } from './reduce.js'
import { gatherRows, scatterAddRows } from './rows.js'
import { logSoftmax, logSoftmaxGrad, softmax, softmaxGrad } from './softmax.js'
import { stepper } from './stepper.js'

/** The devices that were found; those that were lost or have failed are left out at the next search. */
let devices: readonly WebGpuDevice[] = []
/** The last search, which a new one waits for: together they must not find two devices on one adapter. */
let searched: Promise<unknown> = Promise.resolve()

/**
 * The machine's GPU, the same at every call as long as it works.
 * @param findGpu the entry to WebGPU, which the platform knows
 * @param software whether an adapter will do that computes on the CPU
 * @throws Error whose message says why there is none
 */
export function webGpuDevice(findGpu: FindGpu, software = false): Promise<WebGpuDevice> {
  const search = async () => {
    devices = devices.filter(({ gpu }) => gpu.works)
    const known = devices.find(({ gpu }) => software || !gpu.software)
    const device = known ?? new WebGpuDevice(new Gpu(await acquire(await findGpu(), software)))
    if (!known) devices = [...devices, device]
    return device
  }
  const found = searched.then(search)
  searched = found.catch(() => undefined)
  return found
}

/** A GPU as a device: each operation records the dispatches of a few shaders, which lie beside this file. */
export class WebGpuDevice implements Device<GpuStorage> {
  readonly kind = 'webgpu'
  reason?: string
  /** Waiting for the GPU takes longer than a step of a small model, so that several steps share one wait. */
  readonly readEvery = 8
  readonly learning
  readonly minimal

  constructor(readonly gpu: Gpu) {
    this.learning = gpuLearning(gpu)
    this.minimal = gpuMinimal(gpu)
  }

  /** It tells a device that was lost from the one that takes its place. */
  get name(): string {
    return `webgpu (${this.gpu.name}${this.gpu.works ? '' : ', which has failed'})`
  }

  owns(x: Storage): x is GpuStorage {
    return this.gpu.owns(x)
  }

  zeros(length: number, where?: string): GpuStorage {
    return this.gpu.zeros(length, where)
  }

  from(values: ArrayLike<number>): GpuStorage {
    return this.gpu.from(Float32Array.from(values))
  }

  write(values: ArrayLike<number>, y: GpuStorage): void {
    this.gpu.write(values, y)
  }

  keep(x: Storage): Storage {
    return x
  }

  temporary(length: number): GpuStorage {
    return this.gpu.empty(length)
  }

  free(x: GpuStorage): void {
    this.gpu.free(x)
  }

  read(x: GpuStorage): Promise<Float32Array | Int32Array> {
    return this.gpu.read(x)
  }

  unary(op: UnaryOp, x: GpuStorage, y: GpuStorage): void {
    unary(this.gpu, op, x, y)
  }

  binary(op: BinaryOp, a: GpuStorage, b: GpuStorage, y: GpuStorage): void {
    binary(this.gpu, op, a, b, y)
  }

  affine(x: GpuStorage, by: number, shift: number, y: GpuStorage): void {
    affine(this.gpu, x, by, shift, y)
  }

  scale(x: GpuStorage, factor: GpuStorage, y: GpuStorage): void {
    scale(this.gpu, x, factor, y)
  }

  addScaled(alpha: number, x: GpuStorage, y: GpuStorage): void {
    addScaled(this.gpu, alpha, x, y)
  }

  clamp(x: GpuStorage, low: number, high: number, y: GpuStorage): void {
    clamp(this.gpu, x, low, high, y)
  }

  copy(x: GpuStorage, from: View, y: GpuStorage, to: View, shape: readonly number[]): void {
    copy(this.gpu, x, from, y, to, shape)
  }

  gatherRows(x: GpuStorage, rows: Int32Array, y: GpuStorage, width: number): void {
    gatherRows(this.gpu, x, rows, y, width)
  }

  scatterAddRows(dy: GpuStorage, rows: Int32Array, dx: GpuStorage, width: number): void {
    scatterAddRows(this.gpu, dy, rows, dx, width)
  }

  argmax(x: GpuStorage, outer: number, length: number, inner: number): GpuStorage {
    return argmax(this.gpu, x, outer, length, inner)
  }

  pick(
    x: GpuStorage,
    places: GpuStorage | Int32Array,
    y: GpuStorage,
    _outer: number,
    length: number,
    inner: number,
  ): void {
    this.#withPlaces(places, (places) => pick(this.gpu, x, places, y, length, inner))
  }

  put(
    dy: GpuStorage,
    places: GpuStorage | Int32Array,
    dx: GpuStorage,
    _outer: number,
    length: number,
    inner: number,
  ): void {
    this.#withPlaces(places, (places) => put(this.gpu, dy, places, dx, length, inner))
  }

  matmul(a: GpuStorage, b: GpuStorage, y: GpuStorage, sizes: MatmulSizes): void {
    matmul(this.gpu, a, b, y, sizes)
  }

  sumAxis(x: GpuStorage, y: GpuStorage, outer: number, length: number, inner: number): void {
    sumAxis(this.gpu, x, y, outer, length, inner)
  }

  sumSquares(x: GpuStorage, by: number, y: GpuStorage): void {
    sumAxis(this.gpu, x, y, 1, x.length, 1, { scale: by, squares: true })
  }

  softmax(x: GpuStorage, y: GpuStorage, rows: number, columns: number): void {
    softmax(this.gpu, [x, y], rows, columns)
  }

  softmaxGrad(y: GpuStorage, dy: GpuStorage, dx: GpuStorage, rows: number, columns: number): void {
    softmaxGrad(this.gpu, [y, dy, dx], rows, columns)
  }

  logSoftmax(x: GpuStorage, y: GpuStorage, rows: number, columns: number): void {
    logSoftmax(this.gpu, [x, y], rows, columns)
  }

  logSoftmaxGrad(y: GpuStorage, dy: GpuStorage, dx: GpuStorage, rows: number, columns: number): void {
    logSoftmaxGrad(this.gpu, [y, dy, dx], rows, columns)
  }

  layerNorm(
    x: GpuStorage,
    gain: GpuStorage,
    bias: GpuStorage | undefined,
    kept: Normalized<GpuStorage>,
    y: GpuStorage,
    eps: number,
  ): void {
    layerNorm(this.gpu, x, gain, bias, kept, y, eps)
  }

  layerNormGrad(
    dy: GpuStorage,
    gain: GpuStorage,
    kept: Normalized<GpuStorage>,
    dx: GpuStorage,
    dgain: GpuStorage,
    dbias: GpuStorage,
  ): void {
    layerNormGrad(this.gpu, dy, gain, kept, dx, dgain, dbias)
  }

  uniform(key: RandomKey, y: GpuStorage): void {
    uniform(this.gpu, key, y)
  }

  mask(key: RandomKey, p: number, value: number, y: GpuStorage): void {
    mask(this.gpu, key, p, value, y)
  }

  recurrent(
    sizes: RecurrentSizes,
    weights: RecurrentWeights<GpuStorage>,
    input: RecurrentInput<GpuStorage>,
    keep: boolean,
  ): { result: RecurrentOutput<GpuStorage>; tape?: RecurrentTape<GpuStorage> } {
    return recurrent(this.gpu, sizes, weights, input, keep)
  }

  stepper(stack: Stack<GpuStorage>, batchSize: number): Stepper {
    return stepper(this.gpu, stack, batchSize)
  }

  /** Calls `run` with places on the GPU; those in main memory are copied there for it. */
  #withPlaces(places: GpuStorage | Int32Array, run: (places: GpuStorage) => void): void {
    const atHand = places instanceof Int32Array
    const numbers = atHand ? this.gpu.from(places) : places
    run(numbers)
    if (atHand) this.gpu.free(numbers)
  }
}
