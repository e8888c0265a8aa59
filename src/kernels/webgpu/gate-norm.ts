import { type CellKind, cells } from '../../device/cells.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { EPSILON } from './layer-code.js'
import { groupIndex, spread } from './math.js'
import { family, type Shader, shader } from './program.js'
import { reducingMain, sumOver } from './reductions.js'

// Layer normalization of the gates' sums on the input's side, which do not depend on earlier steps: of all places at once.

/** Threads that share the sums of a group of gates at one place. */
const WIDTH = 64

/** Sums at places, and what normalization keeps of them for the gradients: the normalized sums, and then the scales. */
export interface GateSums {
  cell: CellKind
  hiddenSize: number
  places: number
  sums: GpuStorage
  gain: GpuStorage
  kept?: GpuStorage
}

/** The values that normalization keeps. */
export const keptLength = (cell: CellKind, hiddenSize: number, places: number): number =>
  places * (cells[cell].gates.length * hiddenSize + cells[cell].groups.length)

/** A shader with a workgroup for each place and each group of gates, whose sums are `start` to `end` of the place's. */
function groupsShader(name: string, cell: CellKind, storages: Shader['storages'], body: string): Shader {
  const { gates, groups } = cells[cell]
  return shader({
    name,
    storages,
    params: { places: 'u32', units: 'u32' },
    reductions: { sum_of: sumOver(WIDTH) },
    code: reducingMain(
      WIDTH,
      `let place = ${groupIndex} / ${groups.length}u;
  let number = ${groupIndex} % ${groups.length}u;
  if (place >= p.places) { return; }
  let width = ${gates.length}u * p.units;
  let start = select(0u, ${groups[0]}u * p.units, number == 1u);
  let end = select(${groups[0]}u * p.units, width, number == 1u);
  let count = f32(end - start);
  let scale_at = p.places * width + ${groupIndex};
  ${body}`,
    ),
  })
}

const eachValue = (statement: string): string =>
  `for (var i = start + thread; i < end; i += ${WIDTH}u) { let at = place * width + i; ${statement} }`

const normalizeShader = family((cell: CellKind, keep: boolean) =>
  groupsShader(
    'normalizeGates',
    cell,
    { sums: 'update f32', gain: 'read f32', ...(keep && ({ kept: 'write f32' } as const)) },
    `var part = 0.0;
  ${eachValue('part += sums[at];')}
  let mean = sum_of(part, own) / count;
  part = 0.0;
  ${eachValue('part += (sums[at] - mean) * (sums[at] - mean);')}
  let scale = 1.0 / sqrt(sum_of(part, own) / count + ${EPSILON});
  ${keep ? 'if (thread == 0u) { kept[scale_at] = scale; }' : ''}
  ${eachValue(`let value = (sums[at] - mean) * scale; ${keep ? 'kept[at] = value;' : ''} sums[at] = value * gain[i];`)}`,
  ),
)

const gradShader = family((cell: CellKind) =>
  groupsShader(
    'normalizeGatesGrad',
    cell,
    { sums: 'update f32', gain: 'read f32', kept: 'read f32' },
    `var sum = 0.0;
  var dot = 0.0;
  ${eachValue('let g = sums[at] * gain[i]; sum += g; dot += g * kept[at];')}
  let mean = sum_of(sum, own) / count;
  let along = sum_of(dot, own) / count;
  ${eachValue('sums[at] = (sums[at] * gain[i] - mean - kept[at] * along) * kept[scale_at];')}`,
  ),
)

const groupsFor = ({ cell, places }: GateSums) => spread(places * cells[cell].groups.length)

/** Replaces the sums by their normalized values times the gain. */
export function normalizeGates(gpu: Gpu, given: GateSums): void {
  const { cell, hiddenSize, places, sums, gain, kept } = given
  const storages = kept ? [sums, gain, kept] : [sums, gain]
  gpu.run(normalizeShader(cell, kept !== undefined), storages, [places, hiddenSize], groupsFor(given))
}

/** Replaces the gradients of the normalized values times the gain, in \`sums\`, by those of the sums. */
export function normalizeGatesGrad(gpu: Gpu, given: GateSums & { kept: GpuStorage }): void {
  const { cell, hiddenSize, places, sums, gain, kept } = given
  gpu.run(gradShader(cell), [sums, gain, kept], [places, hiddenSize], groupsFor(given))
}
