// Where the time of a step goes on the main thread, by kind: the CPU profile of V8, with the kernels' functions by name.
import { Session } from 'node:inspector'
import { compileKernels } from '../../scripts/kernels.mjs'

const names = {
  products: /^(matmul|dense)\/|layer\/(product|stepProducts|gradients|weightGradients)$/,
  gates: /^(rnn|gru|lstm|minimal)\/|^elementwise\/(tanh|relu)|layer\/(activate\w*|nextState|gateGradients)$/,
  waiting: /^pool\//,
}

/** The names of the kernels' functions, by their numbers: those of the build with names, which is the same code. */
async function functionNames(name) {
  const variant = name.includes('256') ? 'wide' : name.includes('relaxed') ? 'relaxed' : 'plain'
  const module = new WebAssembly.Module(await compileKernels(variant, true))
  const bytes = new Uint8Array(WebAssembly.Module.customSections(module, 'name')[0])
  let at = 0
  const number = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  const text = () => {
    const length = number()
    at += length
    return new TextDecoder().decode(bytes.subarray(at - length, at))
  }
  // Subsections; the second kind is a list of functions with their numbers.
  while (at < bytes.length) {
    const [kind, length] = [number(), number()]
    if (kind !== 1) {
      at += length
      continue
    }
    return new Map(Array.from({ length: number() }, () => [number(), text().replace(/^assembly\//, '')]))
  }
  return new Map()
}

function kindOf({ functionName, url }, functions) {
  const [, index] = /^wasm-function\[(\d+)\]$/.exec(functionName) ?? []
  if (index !== undefined) {
    const name = functions.get(Number(index)) ?? ''
    return Object.keys(names).find((kind) => names[kind].test(name)) ?? 'rest in kernels'
  }
  if (functionName === '(garbage collector)') return 'collection'
  if (functionName === '#wait' || functionName === '(idle)') return 'waiting'
  if (url.endsWith('/linear-memory.js')) return 'copies'
  return 'JavaScript'
}

/** Milliseconds of a step by kind, on the main thread, over some seconds. @param name that of the kernels in use */
export async function profileOf(step, name) {
  const functions = await functionNames(name)
  const session = new Session()
  session.connect()
  const post = (method, parameters) =>
    new Promise((resolve, reject) => {
      session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result)))
    })
  await post('Profiler.enable')
  await post('Profiler.setSamplingInterval', { interval: 100 })
  await post('Profiler.start')
  let steps = 0
  for (const start = performance.now(); performance.now() < start + 3000; steps++) step()
  const { profile } = await post('Profiler.stop')
  session.disconnect()
  const kinds = new Map(profile.nodes.map(({ id, callFrame }) => [id, kindOf(callFrame, functions)]))
  const ms = {}
  profile.samples.forEach((id, i) => {
    const kind = kinds.get(id)
    ms[kind] = (ms[kind] ?? 0) + profile.timeDeltas[i] / 1000 / steps
  })
  return ms
}
