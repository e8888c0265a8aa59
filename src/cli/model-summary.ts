import { kernels, type Run } from '../node.js'
import { grouped } from './table.js'

/** Describes the device of a run, for people. */
export function computedOn({ device }: Run): string {
  const { name, threads } = kernels()
  if (device.kind !== 'cpu') return device.name
  return `${name} on ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

/** Describes a training's model, for people. */
export function modelSummary({ model, vocab, options }: Run): string {
  const { numLayers, hiddenSize, projSize, peepholes } = model.rnn
  const { cell } = options
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  const layers = numLayers === 1 ? '1 layer' : `${numLayers} layers`
  const more = `${projSize === undefined ? '' : ` projected to ${projSize}`}${peepholes ? ' with peepholes' : ''}`
  return `${cell}, ${layers} of ${hiddenSize} units${more}, ${vocab.size} tokens, ${grouped(parameters)} parameters`
}
