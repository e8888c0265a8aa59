import { Command } from 'commander'
import { hasEffect, OptionError, type RunOptions, runDefaults, runOptionKinds } from '../config.js'
import type { Module, RecurrentLayer, TrainingRecord } from '../node.js'
import { modelKindIn } from './model-kind.js'
import { print, printJson } from './output.js'

export function infoCommand(): Command {
  return new Command('info')
    .description('Describe a saved model, or the devices of this machine.')
    .argument('[model]', 'folder of a saved model')
    .option('--devices', 'describe what computes on this machine, and why there is no GPU if there is none')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExamples:\n  unrolled info runs/time-machine\n  unrolled info --devices')
    .action(run)
}

async function run(
  folder: string | undefined,
  { json, devices }: { json?: boolean; devices?: boolean },
): Promise<void> {
  if (devices) {
    if (folder === undefined) return showDevices(json)
    throw new OptionError(
      `info: --devices comes with the model ${folder}, expected one of them; ask for each by itself`,
    )
  }
  if (folder === undefined) throw new OptionError('info: no model is given, expected its folder, or --devices')
  const { kernels } = await import('../node.js')
  const { model, sizes, training, ...about } = await loaded(folder)
  const named = model.namedParameters()
  const parameters = named.reduce((sum, [, { size }]) => sum + size, 0)
  const { name, threads } = kernels()
  const facts = { ...sizes, ...about, parameters }
  if (json) {
    const shapes = Object.fromEntries(named.map(([name, { shape }]) => [name, shape]))
    printJson({ ...facts, kernels: name, threads, training, shapes })
    return
  }
  const list = (entries: object) => {
    for (const [name, value] of Object.entries(entries)) {
      // An absent list, and a limit that there is not, are nothing to tell.
      const told = value !== null && value !== undefined && String(value) !== ''
      if (told) print(`  ${name.padEnd(26)} ${value}`.replace(/[\n\t]/g, ' '))
    }
  }
  print(folder)
  list(facts)
  print('parameters')
  list(Object.fromEntries(named.map(([name, { shape }]) => [name, `[${shape.join(', ')}]`])))
  if (training) {
    print('training')
    // A limit that does not exist is recorded as `all`, which says something only of a number of tokens.
    // `text` describes what `texts` lists for a training that goes on.
    const { texts, ...told } = training
    const shown = training.text === undefined ? training : told
    const limits = Object.entries(shown).filter(([name, value]) => value !== 'all' || name === 'maxTokens')
    list(Object.fromEntries(limits.filter(([name]) => isInForce(name, training))))
  }
  print('this machine')
  list({ kernels: name, threads })
}

/** Whether an entry of the record tells something: not for an option that had no effect beside the others. */
function isInForce(name: string, training: TrainingRecord): boolean {
  const options = { ...runDefaults, ...training } as RunOptions
  return (
    !(name in runOptionKinds) ||
    (hasEffect(name as keyof RunOptions, options) && !(name === 'warmup' && options.warmup === 0))
  )
}

/** What a saved model of any kind has. */
interface Described {
  model: Module
  /** Its configuration without what the files themselves need. */
  sizes: object
  training?: TrainingRecord
  /** The kind of its tokens, if it reads texts. */
  tokens?: string
}

const layerOf = ({ rnn }: { rnn: RecurrentLayer }) => {
  const { kind, hiddenSize, numLayers, dropout, layerNorm, bidirectional } = rnn
  return { cell: kind, hiddenSize, numLayers, dropout, layerNorm, bidirectional }
}

async function loaded(folder: string): Promise<Described> {
  const { loadForecaster, loadLabeller, loadModel, stepText } = await import('../node.js')
  const kind = await modelKindIn(folder)
  if (kind === 'series') {
    const { model, spec, intervals, training } = await loadForecaster(folder)
    const { read, scales, step, clock: _, ...windows } = spec
    const { target: __, ...columns } = read
    const steps = intervals?.widths.length
    const told = { ...layerOf(model), ...windows, ...columns, step: step && stepText(step) }
    return { model, sizes: { ...told, series: Object.keys(scales).length, intervals: steps }, training }
  }
  if (kind === 'labels') {
    const { model, vocab, spec, training } = await loadLabeller(folder)
    const { read, ...texts } = spec
    const { vocabSize, embedding, inputDropout, outputDropout } = model
    const own = { vocabSize, embeddingSize: embedding?.embeddingDim, inputDropout, outputDropout }
    return { model, sizes: { ...layerOf(model), ...own, ...texts, ...read }, tokens: vocab.kind, training }
  }
  const { model, vocab, config } = await loadModel(folder)
  const { format: _, version: __, sha256: ___, training, ...sizes } = config
  return { model, sizes, tokens: vocab.kind, training }
}

/** Describes the kernels in use and the GPU. A software adapter is shown, too, because `--device webgpu` takes it. */
async function showDevices(json: boolean | undefined): Promise<void> {
  const { kernels, tryGpu } = await import('../node.js')
  const { name, threads } = kernels()
  const device = await tryGpu()
  const gpu = device.kind === 'cpu' ? await tryGpu({ software: true }) : device
  const webgpu = gpu.kind === 'cpu' ? undefined : gpu.name
  const why = device.kind === 'cpu' ? device.reason : undefined
  if (json) return printJson({ cpu: { kernels: name, threads }, webgpu, auto: device.name, reason: device.reason })
  print(`  cpu     ${name} on ${threads} ${threads === 1 ? 'thread' : 'threads'}`)
  print(`  webgpu  ${webgpu ?? 'none'}`)
  print(`  auto    ${device.name}${why ? ` (${why})` : ''}`)
}
