import { cells, type MinimalKind } from '../../device/cells.js'
import type { Minimal, MinimalSizes, MinimalWalk } from '../../device/device.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, functions, spread, THREADS, threadIndex } from './math.js'
import { family, shader } from './program.js'

// A thread walks through time for one unit of one sequence: the gates depend on the input alone, so that no thread waits
// for another. nn/minimal.ts has the equations.

const params = { steps: 'u32', rows: 'u32', units: 'u32', reverse: 'u32' } as const

/** log σ(x), whose exponential function does not overflow. */
const logSigmoid = `
fn log_sigmoid(x: f32) -> f32 { return unless_nan(min(x, 0.0) - log_of(1.0 + exp_of(-abs(x))), x); }`

/** The lines at the beginning of `main`, and those that find a step's gates. */
const begin = `
  let unit = ${threadIndex};
  let size = p.rows * p.units;
  if (unit >= size) { return; }
  let row = unit / p.units;
  let j = unit % p.units;`

const gatesOf = (cell: MinimalKind): string => {
  const gates = cells[cell].gates.length
  return `
    let first = (t * p.rows + row) * ${gates}u * p.units + j;
    let second = first + p.units;
    let candidate = first + ${gates - 1}u * p.units;
    let z = ${cell === 'mingru' ? 'sigmoid_of(sums[first])' : 'sigmoid_of(log_sigmoid(sums[second]) - log_sigmoid(sums[first]))'};
    let s = sums[candidate];
    let logistic = sigmoid_of(s);
    let g = select(logistic, s + 0.5, s >= 0.0);`
}

const code = (cell: MinimalKind, body: string): string => `${functions('f32')}${cell === 'minlstm' ? logSigmoid : ''}
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {${begin}${body}
}`

const forwardShader = family((cell: MinimalKind, begun: boolean) =>
  shader({
    name: `minimal ${cell}${begun ? ' h0' : ''}`,
    storages: { sums: 'read f32', h: 'write f32', ...(begun && ({ h0: 'read f32' } as const)) },
    params,
    code: code(
      cell,
      `
  var last = ${begun ? 'h0[unit]' : '0.0'};
  for (var i = 0u; i < p.steps; i += 1u) {
    let t = select(i, p.steps - 1u - i, p.reverse == 1u);${gatesOf(cell)}
    last += z * (g - last);
    h[t * size + unit] = last;
  }`,
    ),
  }),
)

const backwardShader = family((cell: MinimalKind, begun: boolean, wanted: boolean) =>
  shader({
    name: `minimalGrad ${cell}${begun ? ' h0' : ''}${wanted ? ' dh0' : ''}`,
    storages: {
      sums: 'read f32',
      h: 'read f32',
      dh: 'read f32',
      dsums: 'write f32',
      ...(begun && ({ h0: 'read f32' } as const)),
      ...(wanted && ({ dh0: 'write f32' } as const)),
    },
    params,
    code: code(
      cell,
      `
  var carried = 0.0;
  for (var i = 0u; i < p.steps; i += 1u) {
    let t = select(p.steps - 1u - i, i, p.reverse == 1u);${gatesOf(cell)}
    var last = ${begun ? 'h0[unit]' : '0.0'};
    if (i + 1u < p.steps) { last = h[select(t - 1u, t + 1u, p.reverse == 1u) * size + unit]; }
    let d = carried + dh[t * size + unit];
    let slope = d * (g - last) * z * (1.0 - z);
    ${
      cell === 'mingru'
        ? 'dsums[first] = slope;'
        : `// z = σ(log i − log f), and the slope of log σ is 1 − σ.
    dsums[first] = -slope * (1.0 - sigmoid_of(sums[first]));
    dsums[second] = slope * (1.0 - sigmoid_of(sums[second]));`
    }
    dsums[candidate] = d * z * select(logistic * (1.0 - logistic), 1.0, s >= 0.0);
    carried = d * (1.0 - z);
  }${wanted ? '\n  dh0[unit] = carried;' : ''}`,
    ),
  }),
)

const paramsOf = ({ numSteps, batchSize, hiddenSize, reverse }: MinimalSizes): number[] => [
  numSteps,
  batchSize,
  hiddenSize,
  Number(reverse),
]

const groupsFor = ({ batchSize, hiddenSize }: MinimalSizes) => spread(Math.ceil((batchSize * hiddenSize) / THREADS))

function forward(gpu: Gpu, sizes: MinimalSizes, { sums, h0, h }: MinimalWalk<GpuStorage>): void {
  const storages = h0 ? [sums, h, h0] : [sums, h]
  gpu.run(forwardShader(sizes.cell, h0 !== undefined), storages, paramsOf(sizes), groupsFor(sizes))
}

function backward(
  gpu: Gpu,
  sizes: MinimalSizes,
  { sums, h0, h }: MinimalWalk<GpuStorage>,
  dh: GpuStorage,
  dsums: GpuStorage,
  dh0: GpuStorage | undefined,
): void {
  const by = backwardShader(sizes.cell, h0 !== undefined, dh0 !== undefined)
  const storages = [sums, h, dh, dsums, ...(h0 ? [h0] : []), ...(dh0 ? [dh0] : [])]
  gpu.run(by, storages, paramsOf(sizes), groupsFor(sizes))
}

/** Layers whose gates depend on the input alone, on a GPU. */
export const gpuMinimal = (gpu: Gpu): Minimal<GpuStorage> => ({
  forward: (...given) => forward(gpu, ...given),
  backward: (...given) => backward(gpu, ...given),
})
