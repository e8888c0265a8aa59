import { Command, Option } from 'commander'
import { OptionError, temperatureOf } from '../config.js'
import type { DeviceName, MadeToken } from '../node.js'
import { defaultsOf, number, saidOf } from './command-line.js'
import { deviceOption, moveTo } from './device.js'
import { interruptible } from './interrupt.js'
import { checkFlagEffects, type Needs } from './needs.js'
import { printJson, visible } from './output.js'
import { typedText } from './own-texts.js'
import { TextView } from './text-view.js'
import { encodingHelp } from './training-flags.js'

interface Options {
  prefix?: string
  prefixFile?: string
  encoding?: string
  length: number
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  repetitionPenalty?: number
  repetitionWindow?: number
  unknown?: boolean
  beams?: number
  stop?: string[]
  samples: number
  withProbabilities?: boolean
  seed: number
  device: DeviceName
  json?: boolean
}

const amount = (flags: string, text: string) => new Option(flags, text).argParser(number)

/** Options of random sampling, which beam search does not use. */
const drawing = () => [
  amount(
    '--temperature <t>',
    '0: always the likeliest token; 1: as the model says; above 1: more random (default: 0, or 1 with sampling options)',
  ),
  amount('--top-k <n>', 'sample from the n likeliest tokens'),
  amount('--top-p <p>', 'sample from the smallest set of tokens whose probabilities add up to p'),
  amount('--min-p <p>', "sample from tokens with at least p times the likeliest one's probability"),
  amount('--repetition-penalty <x>', 'above 1: makes tokens that are already in the text less likely'),
  amount('--repetition-window <n>', 'only the last n tokens count as repeated'),
]

const aboveZero = ({ temperature }: Options) => temperature === 0 && '--temperature above 0'

const needs: Needs<Options> = {
  encoding: ({ prefixFile }) => prefixFile === undefined && '--prefix-file',
  topK: aboveZero,
  topP: aboveZero,
  minP: aboveZero,
  repetitionWindow: ({ repetitionPenalty = 1 }) => repetitionPenalty === 1 && '--repetition-penalty',
  seed: (options) =>
    (options.beams !== undefined || temperatureOf(options, options.samples) === 0) &&
    'an option that draws, such as --temperature 1',
}

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('Continue a text with a saved model.')
    .argument('<model>', 'folder of a saved model')
    .option('--prefix <text>', "the text to continue (default: the vocabulary's most frequent token)")
    .addOption(
      new Option('--prefix-file <file>', 'continue the text of a file, without its last line break').conflicts(
        'prefix',
      ),
    )
    .option('--encoding <name>', `with --prefix-file: ${encodingHelp}`)
    .option('--length <n>', 'tokens to generate', number, 200)
    .option('--stop <text>', 'stop before this text; can be given several times', (text, all: string[] = []) => [
      ...all,
      text,
    ])
  for (const option of drawing()) command.addOption(option)
  return command
    .option('--unknown', 'allow <unk> (default: only if the likeliest token is always taken)')
    .option('--no-unknown', 'never generate <unk>')
    .addOption(
      amount('--beams <n>', 'search for the likeliest text with n beams').conflicts(
        drawing().map((option) => option.attributeName()),
      ),
    )
    .option('--samples <n>', 'texts to generate; with --beams, the best ones', number, 1)
    .option('--with-probabilities', 'show the probability that the model gives each token')
    .option('--seed <n>', 'the same seed gives the same text', number, 0)
    .addOption(deviceOption())
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled generate runs/time-machine --prefix "time traveller"
  unrolled generate runs/time-machine --prefix "the " --length 500 --temperature 0.7 --seed 3
  unrolled generate runs/time-machine --samples 5 --top-p 0.9 --stop "."
  unrolled generate runs/time-machine --beams 8 --with-probabilities

Ctrl-C ends the text; the tokens up to then are kept.`,
    )
    .action(async (folder: string, options: Options, command: Command) => {
      checkFlagEffects('generate', options, saidOf(command), needs, defaultsOf(command.options))
      await interruptible((signal) => run(folder, options, signal))
    })
}

async function run(folder: string, options: Options, signal: AbortSignal): Promise<void> {
  const { bestSoFar, Generator, generateTokens, loadModel, prefixOf, readText, savedText } = await import('../node.js')
  const { prefixFile, encoding, beams, samples, seed, json, withProbabilities, unknown: allowUnknown } = options
  if (beams !== undefined) checkBeams(beams, samples)
  const generator = new Generator(seed)
  const { model, vocab, config } = await loadModel(folder)
  await moveTo('generate', options.device, model)
  const { steps, initFrom } = config.training ?? {}
  if (steps === 0 && initFrom === undefined) {
    console.error(visible(`warning: ${folder}: the model was not trained yet, so its text is random; train it first`))
  }
  const given =
    prefixFile === undefined ? options.prefix : (await readText(prefixFile, { encoding, signal })).replace(/\r?\n$/, '')
  const typed = given === undefined ? undefined : typedText(given, savedText({ config, vocab }))
  const { text: shown } = prefixOf('generate', vocab, typed)
  const view = json ? undefined : new TextView(shown, withProbabilities)
  const common = { prefix: typed, length: options.length, stop: options.stop, allowUnknown, signal }
  const texts: MadeText[] = []
  if (beams === undefined) {
    const { temperature, topK, topP, minP, repetitionPenalty, repetitionWindow } = options
    const sampling = { temperature, topK, topP, minP, repetitionPenalty, repetitionWindow, samples, generator }
    try {
      for await (const made of generateTokens(model, vocab, { ...common, ...sampling })) {
        if (view && samples === 1) {
          view.token(made)
        } else {
          texts[made.sample] ??= { tokens: [] }
          texts[made.sample].tokens.push(made)
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  } else {
    texts.push(...(await bestSoFar(model, vocab, { ...common, beams })).slice(0, samples))
  }
  // A text that was already shown, or that ended before its first token, only has to be ended.
  const all = Array.from({ length: beams === undefined ? samples : texts.length }, (_, i) => texts[i] ?? { tokens: [] })
  for (const { tokens } of all) {
    for (const made of tokens) view?.token(made)
    view?.end()
  }
  if (!json) return
  const facts = {
    prefix: typed ?? shown,
    temperature: beams === undefined ? temperatureOf(options, samples) : undefined,
    beams,
    seed,
  }
  const records = all.map((text) => jsonOf(text, shown, withProbabilities))
  printJson(samples === 1 ? { ...records[0], ...facts } : { ...facts, samples: records })
}

/** A generated text; beam search adds its probability and score. */
interface MadeText {
  tokens: MadeToken[]
  logProbability?: number
  score?: number
}

function checkBeams(beams: number, samples: number): void {
  // The search itself refuses other numbers of beams.
  if (beams >= 1 && samples > beams) {
    throw new OptionError(`generate: samples is ${samples}, expected at most the number of beams, ${beams}`, [
      'samples',
    ])
  }
}

/** A text as --json prints it. */
function jsonOf({ tokens, logProbability, score }: MadeText, prefix: string, withProbabilities?: boolean) {
  const texts = tokens.map(({ text }) => text)
  return {
    text: prefix + texts.join(''),
    length: tokens.length,
    ...(withProbabilities && { tokens: texts, probabilities: tokens.map(({ probability }) => probability) }),
    logProbability,
    score,
  }
}
