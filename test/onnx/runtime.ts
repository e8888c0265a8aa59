import ort from 'onnxruntime-web'
import type { TensorValues } from '../../src/formats/safetensors.js'

// Threads would outlive the tests.
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

/** A model in ONNX Runtime. */
export class Runtime {
  readonly #session: ort.InferenceSession

  private constructor(session: ort.InferenceSession) {
    this.#session = session
  }

  static async load(bytes: Uint8Array): Promise<Runtime> {
    return new Runtime(await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] }))
  }

  /** Runs the model; whole numbers have the kind that the model says. */
  async run(feeds: Readonly<Record<string, TensorValues>>): Promise<Record<string, TensorValues>> {
    const kinds = new Map(
      this.#session.inputMetadata.map((input) => [input.name, input.isTensor ? input.type : 'float32']),
    )
    const tensors = Object.entries(feeds).map(([name, { data, shape }]) => {
      const kind = kinds.get(name)
      if (kind === 'int64') return [name, new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)]
      if (kind === 'int32') return [name, new ort.Tensor('int32', Int32Array.from(data), shape)]
      return [name, new ort.Tensor('float32', Float32Array.from(data), shape)]
    })
    const results = await this.#session.run(Object.fromEntries(tensors))
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [name, { data: data as Float32Array, shape: dims }]),
    )
  }

  release(): Promise<void> {
    return this.#session.release()
  }
}
