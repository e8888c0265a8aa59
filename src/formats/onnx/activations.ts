import { FormatError } from '../../core/errors.js'

/** A function of a gate. */
export type Activation = (x: number) => number

interface Definition {
  /** The default of a parameter that the function has; NaN if the standard has none. */
  alpha?: number
  beta?: number
  /** The function with its parameters. */
  with: (alpha: number, beta: number) => Activation
}

/**
 * The functions that the standard allows in RNN, GRU and LSTM nodes, with the defaults of their parameters: the equations
 * are those of https://onnx.ai/onnx/operators/onnx__LSTM.html, the defaults those of the operators of the same names.
 */
const definitions = new Map<string, Definition>(
  Object.entries({
    relu: { with: () => (x) => Math.max(0, x) },
    tanh: { with: () => Math.tanh },
    sigmoid: { with: () => (x) => 1 / (1 + Math.exp(-x)) },
    affine: { alpha: Number.NaN, beta: Number.NaN, with: (alpha, beta) => (x) => alpha * x + beta },
    leakyrelu: { alpha: 0.01, with: (alpha) => (x) => (x >= 0 ? x : alpha * x) },
    thresholdedrelu: { alpha: 1, with: (alpha) => (x) => (x >= alpha ? x : 0) },
    scaledtanh: { alpha: Number.NaN, beta: Number.NaN, with: (alpha, beta) => (x) => alpha * Math.tanh(beta * x) },
    hardsigmoid: { alpha: 0.2, beta: 0.5, with: (alpha, beta) => (x) => Math.min(Math.max(alpha * x + beta, 0), 1) },
    elu: { alpha: 1, with: (alpha) => (x) => (x >= 0 ? x : alpha * Math.expm1(x)) },
    softsign: { with: () => (x) => x / (1 + Math.abs(x)) },
    softplus: { with: () => (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  } satisfies Record<string, Definition>),
)

/**
 * Functions by their names. Their parameters are taken from the lists `alphas` and `betas` in the order of the functions
 * that have them; where a list has ended, they are the defaults.
 * @param what the node and its file, for messages
 */
export function activationsOf(
  names: readonly string[],
  alphas: readonly number[],
  betas: readonly number[],
  what: string,
): Activation[] {
  const rest = { alpha: [...alphas], beta: [...betas] }
  return names.map((name) => {
    const definition = definitions.get(name.toLowerCase())
    if (!definition) {
      throw new FormatError(
        `${what} has the activation ${JSON.stringify(name)}, expected one of the standard’s functions`,
      )
    }
    const parameter = (key: 'alpha' | 'beta'): number => {
      if (definition[key] === undefined) return 0
      const value = rest[key].shift() ?? definition[key]
      if (!Number.isNaN(value)) return value
      throw new FormatError(`${what} has the activation ${name} without ${key}, which has no default in the standard`)
    }
    return definition.with(parameter('alpha'), parameter('beta'))
  })
}
