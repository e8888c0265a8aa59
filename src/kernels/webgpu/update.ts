import type { ParameterUpdate } from '../../device/device.js'
import type { Update } from '../../device/update.js'
import type { GpuStorage } from './buffers.js'
import type { Gpu } from './gpu.js'
import { builtins, chunkIndex, spreadBeside, THREADS } from './math.js'
import { type Access, family, type ParamType, shader } from './program.js'

// The optimizers' rules, as kernels/host/update.ts has them. A dispatch moves as many parameters as can be bound.

/** Values that a workgroup takes. */
const CHUNK = 1024
/** Words of parameters that a dispatch may have. */
const MOST_PARAMS = 64

/** A rule as a shader needs it: what it computes, the buffers and numbers that it uses, and the numbers' values. */
interface Formula {
  /** What makes a shader of its own: the rule's name and whether it has momentum, weight decay, … */
  key: string
  buffers: readonly string[]
  numbers: Readonly<Record<string, number>>
}

/** The gradient d with weight decay added; without it an infinite parameter has no part in the gradient. */
const decayed = 'd += decay * w;'

/** The statements of each rule: w is the parameter, d its gradient; buffers and numbers go by their names. */
const statements = (key: string): string => {
  const has = (word: string) => key.split(' ').includes(word)
  const decay = has('decay') ? decayed : ''
  if (has('sgd')) {
    if (!has('momentum')) return `${decay} w -= lr * d;`
    return `${decay} momentum_buffer = momentum * momentum_buffer + taken * d;
      w -= lr * ${has('nesterov') ? '(d + momentum * momentum_buffer)' : 'momentum_buffer'};`
  }
  if (has('adam')) {
    return `${decay} exp_avg = beta1 * exp_avg + taken1 * d;
      exp_avg_sq = beta2 * exp_avg_sq + taken2 * d * d;
      w = kept * w - (rate * exp_avg) / (sqrt(exp_avg_sq) * correction + eps);`
  }
  // Where the squares overflow, the variance is infinite and the step 0, rather than infinity − infinity.
  const centered = 'if (variance < 3.4e38) { variance = max(variance - grad_avg * grad_avg, 0.0); }'
  return `${decay} square_avg = alpha * square_avg + taken * d * d;
      var variance = square_avg;
      ${has('centered') ? `grad_avg = alpha * grad_avg + taken * d; ${centered}` : ''}
      var u = d / (sqrt(variance) + eps);
      ${has('momentum') ? 'u += momentum * momentum_buffer; momentum_buffer = u;' : ''}
      w -= lr * u;`
}

function formulaOf(rule: Update): Formula {
  if (rule.rule === 'sgd') {
    const { step, lr, momentum, dampening, nesterov, weightDecay: decay } = rule
    const key = keyOf('sgd', { momentum: momentum !== 0, nesterov, decay: decay !== 0 })
    if (momentum === 0) return { key, buffers: [], numbers: { lr, decay } }
    const taken = step === 1 ? 1 : 1 - dampening
    return { key, buffers: ['momentum_buffer'], numbers: { lr, decay, momentum, taken } }
  }
  if (rule.rule === 'adam') {
    const { step, lr, betas, eps, l2: decay, kept } = rule
    const [beta1, beta2] = betas
    const rate = lr / (1 - beta1 ** step)
    const correction = 1 / Math.sqrt(1 - beta2 ** step)
    const [taken1, taken2] = [1 - beta1, 1 - beta2]
    return {
      key: keyOf('adam', { decay: decay !== 0 }),
      buffers: ['exp_avg', 'exp_avg_sq'],
      numbers: { decay, beta1, beta2, taken1, taken2, rate, correction, eps, kept },
    }
  }
  const { lr, alpha, eps, momentum, centered, weightDecay: decay } = rule
  return {
    key: keyOf('rmsprop', { momentum: momentum > 0, centered, decay: decay !== 0 }),
    buffers: ['square_avg', ...(centered ? ['grad_avg'] : []), ...(momentum > 0 ? ['momentum_buffer'] : [])],
    numbers: { lr, alpha, taken: 1 - alpha, eps, momentum, decay },
  }
}

const keyOf = (rule: string, has: Record<string, boolean>): string =>
  [rule, ...Object.keys(has).filter((word) => has[word])].join(' ')

const updateShader = family((key: string, buffers: readonly string[], numbers: readonly string[], count: number) => {
  const each = Array.from({ length: count }, (_, i) => i)
  const storages = each.flatMap((i): [string, Access][] => [
    [`w_${i}`, 'update f32'],
    [`d_${i}`, 'read f32'],
    ...buffers.map((name): [string, Access] => [`${name}_${i}`, 'update f32']),
  ])
  const params = each.flatMap((i): [string, ParamType][] => [
    [`count_${i}`, 'u32'],
    ...numbers.map((name): [string, ParamType] => [`${name}_${i}`, 'f32']),
  ])
  const loop = (i: number) => `case ${i}u: {
    ${numbers.map((name) => `let ${name} = p.${name}_${i};`).join(' ')}
    for (var at = start + thread; at < min(start + ${CHUNK}u, p.count_${i}); at += ${THREADS}u) {
      var w = w_${i}[at];
      var d = d_${i}[at];
      ${buffers.map((name) => `var ${name} = ${name}_${i}[at];`).join(' ')}
      ${statements(key)}
      w_${i}[at] = w;
      ${buffers.map((name) => `${name}_${i}[at] = ${name};`).join(' ')}
    }
  }`
  return shader({
    name: `update ${key}`,
    storages: Object.fromEntries(storages),
    params: Object.fromEntries(params),
    code: `
@compute @workgroup_size(${THREADS}) fn main(${builtins}) {
  let start = ${chunkIndex} * ${CHUNK}u;
  switch group.y {
  ${each.map(loop).join('\n  ')}
  default: {}
  }
}`,
  })
})

/** One step of an optimizer on all of these parameters; those with the same formula share dispatches. */
export function update(gpu: Gpu, updates: readonly ParameterUpdate<GpuStorage>[]): void {
  const groups = new Map<string, { formula: Formula; one: ParameterUpdate<GpuStorage> }[]>()
  for (const one of updates) {
    const formula = formulaOf(one.rule)
    const group = groups.get(formula.key) ?? []
    group.push({ formula, one })
    groups.set(formula.key, group)
  }
  for (const [key, group] of groups) {
    const { buffers, numbers } = group[0].formula
    const names = Object.keys(numbers)
    const most = Math.min(
      Math.floor(gpu.limits.maxStorageBuffersPerShaderStage / (2 + buffers.length)),
      Math.floor(MOST_PARAMS / (1 + names.length)),
    )
    for (let first = 0; first < group.length; first += most) {
      const batch = group.slice(first, first + most)
      const storages = batch.flatMap(({ one }) => [
        one.parameter,
        one.grad,
        ...buffers.map((name) => one.buffers[name]),
      ])
      const params = batch.flatMap(({ formula, one }) => [one.parameter.length, ...Object.values(formula.numbers)])
      const chunks = Math.max(...batch.map(({ one }) => Math.ceil(one.parameter.length / CHUNK)))
      gpu.run(updateShader(key, buffers, names, batch.length), storages, params, spreadBeside(chunks, batch.length))
    }
  }
}
