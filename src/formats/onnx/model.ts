import { checkArgument, checkString } from '../../core/check.js'
import { describe } from '../../core/describe.js'
import { DataError, FormatError, UnrolledError } from '../../core/errors.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import type { TensorValues } from '../safetensors.js'
import { Budget } from './budget.js'
import { type Graph, type GraphNode, inputShown, type OnnxInput, readGraph } from './graph.js'
import { Call, type Run } from './operator.js'
import { prepare } from './operators.js'
import { decodeMessage, modelMessage } from './proto.js'

/** An ONNX model that runs here: its recurrent nodes on the kernels of recurrent layers where these mean the same. */
export class OnnxModel {
  readonly #runs: readonly { node: GraphNode; run: Run }[]
  /** The places of the last nodes that take each value. */
  readonly #lastUses: ReadonlyMap<string, number>

  /** @internal */
  constructor(
    /** @internal */
    readonly graph: Graph,
    /** @internal The size of the file. */
    readonly bytes: number,
    /** @internal The file's name, for messages. */
    readonly where: string,
  ) {
    const prepared = graph.nodes.map((node) => ({ node, run: prepare(node, graph.opset, where) }))
    // What depends on no input is computed once.
    const budget = new Budget(bytes, 0, where)
    this.#runs = prepared.filter(({ node, run }) => {
      const given = node.inputs.every((name) => name === '' || graph.constants.has(name))
      if (given) this.#step(node, run, graph.constants, budget)
      return !given
    })
    this.#lastUses = new Map(this.#runs.flatMap(({ node }, i) => node.inputs.map((name) => [name, i])))
  }

  /** What `run` must be fed. */
  get inputs(): readonly OnnxInput[] {
    return this.graph.inputs
  }

  /** The names of what `run` returns. */
  get outputs(): readonly string[] {
    return this.graph.outputs
  }

  /**
   * Runs the graph on the CPU.
   * @param feeds a value for each input: `{ data, shape }` with a Float32Array, or an Int32Array for whole numbers of any width
   * @returns the outputs by name
   * @throws DataError if a feed is missing, unknown, or of another kind or shape than the file says; FormatError if the
   *   graph cannot be run on these feeds
   */
  async run(feeds: Readonly<Record<string, TensorValues>>): Promise<Record<string, TensorValues>> {
    const values = new Map(this.graph.constants)
    let fed = 0
    for (const input of this.inputs) {
      const value = Object.hasOwn(Object(feeds), input.name) ? feeds[input.name] : undefined
      checkFeed(input, value, this.where)
      values.set(input.name, value!)
      // Each token, and each row of features, meets each weight.
      fed += input.float ? value!.data.length / (value!.shape.at(-1) || 1) : value!.data.length
    }
    const unknown = Object.keys(feeds).find((name) => !this.inputs.some((input) => input.name === name))
    if (unknown !== undefined) {
      throw new DataError(
        `${this.where}: there is no input ${JSON.stringify(unknown)}, expected ${this.#inputsShown()}`,
      )
    }
    const budget = new Budget(this.bytes, fed, this.where)
    for (const [i, { node, run }] of this.#runs.entries()) {
      this.#step(node, run, values, budget)
      for (const name of node.inputs) {
        if (this.#lastUses.get(name) === i && !this.outputs.includes(name)) values.delete(name)
      }
    }
    return Object.fromEntries(this.outputs.map((name) => [name, values.get(name)!]))
  }

  #step(node: GraphNode, run: Run, values: Map<string, TensorValues>, budget: Budget): void {
    const what = `${this.where}: ${node.title}`
    const inputs = node.inputs.map((name) => (name === '' ? undefined : values.get(name)))
    const made = guarded(what, () => run(new Call(inputs, budget, what)))
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue
      if (!made[i])
        throw new FormatError(`${what} has ${node.outputs.length} outputs, expected ${made.length} or fewer`)
      values.set(name, made[i])
    }
  }

  #inputsShown(): string {
    return this.inputs.map(inputShown).join(', ') || 'no inputs'
  }
}

/** Errors of the tensors that a node is computed with, as those of the file. */
function guarded<T>(what: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof UnrolledError && !(error instanceof FormatError))
      throw new FormatError(`${what}: ${error.message}`)
    throw error
  }
}

function checkFeed(input: OnnxInput, value: TensorValues | undefined, where: string): void {
  const fail = (problem: string): never => {
    throw new DataError(`${where}: the input ${input.name} ${problem}, expected ${inputShown(input)}`)
  }
  if (value === undefined) fail('is missing')
  const { data, shape } = Object(value) as TensorValues
  const whole = data instanceof Int32Array
  if (!(whole || data instanceof Float32Array || data instanceof Float64Array) || !Array.isArray(shape)) {
    fail(`is ${describe(value)}`)
  }
  if (whole === input.float) fail(`holds ${whole ? 'whole numbers' : 'floats'}`)
  if (sizeOf(shape) !== data.length) fail(`has ${data.length} values for the shape ${formatShape(shape)}`)
  const expected = input.shape
  const fits = (length: number, axis: number) => typeof expected?.[axis] !== 'number' || expected[axis] === length
  if (expected && !(expected.length === shape.length && shape.every(fits))) fail(`has the shape ${formatShape(shape)}`)
}

/**
 * Decodes a model from the bytes of an ONNX file, to run it. Its operators are RNN, GRU and LSTM with all their attributes,
 * and those that PyTorch and Keras put around them.
 * @param where the file's name, for messages
 * @throws FormatError for a file that is damaged, of another kind, or with other operators
 */
export function decodeOnnx(bytes: Uint8Array, where = 'decodeOnnx'): OnnxModel {
  checkArgument('decodeOnnx', 'bytes', bytes, bytes instanceof Uint8Array, 'the bytes of an ONNX file')
  checkString('decodeOnnx', 'where', where)
  return new OnnxModel(readGraph(decodeMessage(modelMessage, bytes, where), where), bytes.length, where)
}
