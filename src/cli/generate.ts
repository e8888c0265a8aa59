import { Command, Option } from 'commander'
import { OptionError, temperatureOf } from '../config.js'
import type { MadeToken } from '../node.js'
import { defaultsOf, number, saidOf } from './command-line.js'
import { interruptible } from './interrupt.js'
import { checkEffects, type Needs } from './needs.js'
import { printJson } from './output.js'
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
  json?: boolean
}

const amount = (flags: string, text: string) => new Option(flags, text).argParser(number)

/** Ways of drawing, which beam search does not do. */
const drawing = () => [
  amount(
    '--temperature <t>',
    '0: the likeliest each time; 1: as the model says; above: wilder (default: 0, or 1 with options that draw)',
  ),
  amount('--top-k <n>', 'draw among the n likeliest'),
  amount('--top-p <p>', 'draw among the fewest likeliest whose probabilities add up to p'),
  amount('--min-p <p>', "draw among those of at least p times the likeliest one's probability"),
  amount('--repetition-penalty <x>', 'above 1: makes tokens that the text has already less likely'),
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
    'an option that draws, such as --temperature 1,',
}

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('Let a saved model go on from a text.')
    .argument('<model>', 'folder of a saved model')
    .option('--prefix <text>', "what to go on from (default: the vocabulary's most frequent token)")
    .addOption(
      new Option('--prefix-file <file>', 'go on from the text of a file, but for its last line break').conflicts(
        'prefix',
      ),
    )
    .option('--encoding <name>', `with --prefix-file: ${encodingHelp}`)
    .option('--length <n>', 'tokens to make', number, 200)
    .option('--stop <text>', 'end before this text; can be given several times', (text, all: string[] = []) => [
      ...all,
      text,
    ])
  for (const option of drawing()) command.addOption(option)
  return command
    .option('--unknown', 'let <unk> be made (default: only where the likeliest is taken)')
    .option('--no-unknown', 'never make <unk>')
    .addOption(
      amount('--beams <n>', 'search for the likeliest text, of so many at a time').conflicts(
        drawing().map((option) => option.attributeName()),
      ),
    )
    .option('--samples <n>', 'texts to make; with --beams, the best ones', number, 1)
    .option('--with-probabilities', 'show the probability that the model gives each token')
    .option('--seed <n>', 'the same seed gives the same text', number, 0)
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled generate runs/time-machine --prefix "time traveller"
  unrolled generate runs/time-machine --prefix "the " --length 500 --temperature 0.7 --seed 3
  unrolled generate runs/time-machine --samples 5 --top-p 0.9 --stop "."
  unrolled generate runs/time-machine --beams 8 --with-probabilities

Ctrl-C ends the text; what was made stays.`,
    )
    .action(async (folder: string, options: Options, command: Command) => {
      checkEffects('generate', options, saidOf(command), needs, defaultsOf(command.options))
      await interruptible((signal) => run(folder, options, signal))
    })
}

async function run(folder: string, options: Options, signal: AbortSignal): Promise<void> {
  const { bestSoFar, Generator, generateTokens, loadModel, prefixOf, readText, savedText } = await import('../node.js')
  const { prefixFile, encoding, beams, samples, seed, json, withProbabilities, unknown: allowUnknown } = options
  if (beams !== undefined) checkBeams(beams, samples)
  const generator = new Generator(seed)
  const { model, vocab, config } = await loadModel(folder)
  const given =
    prefixFile === undefined ? options.prefix : (await readText(prefixFile, { encoding })).replace(/\r?\n$/, '')
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
  // One that was shown as it was made, or ended before its first token, only remains to be ended.
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
  const records = all.map((text) => recordOf(text, shown, withProbabilities))
  printJson(samples === 1 ? { ...records[0], ...facts } : { ...facts, samples: records })
}

/** A text that was made; beam search knows more of it. */
interface MadeText {
  tokens: MadeToken[]
  logProbability?: number
  score?: number
}

function checkBeams(beams: number, samples: number): void {
  // Other numbers of beams are refused by the search.
  if (beams >= 1 && samples > beams) {
    throw new OptionError(`generate: samples is ${samples}, expected at most the number of beams, ${beams}`, [
      'samples',
    ])
  }
}

/** What --json says of a text. */
function recordOf({ tokens, logProbability, score }: MadeText, prefix: string, withProbabilities?: boolean) {
  const texts = tokens.map(({ text }) => text)
  return {
    text: prefix + texts.join(''),
    length: tokens.length,
    ...(withProbabilities && { tokens: texts, probabilities: tokens.map(({ probability }) => probability) }),
    logProbability,
    score,
  }
}
