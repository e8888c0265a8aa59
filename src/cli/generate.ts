import { Command } from 'commander'
import { number } from './arguments.js'
import { Interrupt } from './interrupt.js'

interface Options {
  prefix?: string
  length: number
  temperature: number
  seed: number
  json?: boolean
}

export function generateCommand(): Command {
  return new Command('generate')
    .description('Let a saved model go on from a text.')
    .argument('<model>', 'folder of a saved model')
    .option('--prefix <text>', "what to go on from (default: the vocabulary's most frequent token)")
    .option('--length <n>', 'tokens to make', number, 200)
    .option('--temperature <t>', '0: the likeliest each time; 1: as the model says; above: wilder', number, 0)
    .option('--seed <n>', 'the same seed gives the same text', number, 0)
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled generate runs/time-machine --prefix "time traveller"
  unrolled generate runs/time-machine --prefix "the " --length 500 --temperature 0.7 --seed 3`,
    )
    .action(run)
}

async function run(folder: string, options: Options): Promise<void> {
  const { length, temperature, seed, json } = options
  const { Generator, generate, loadModel } = await import('../node.js')
  const { model, vocab } = await loadModel(folder)
  const { signal } = new Interrupt()
  const prefix = options.prefix ?? vocab.tokenOf(Math.min(1, vocab.size - 1))
  const tokens = vocab.split(prefix)
  const generator = new Generator(seed)
  const write = (text: string) => json || process.stdout.write(text)
  let made = 0
  for await (const token of generate(model, vocab, { prefix, length, temperature, generator, signal })) {
    // Only now: a prefix that is refused must not be half an answer.
    if (made === 0) write(vocab.join(tokens))
    made++
    tokens.push(token)
    write(vocab.kind === 'word' ? ` ${token}` : token)
  }
  write(made > 0 ? '\n' : `${vocab.join(tokens)}\n`)
  if (json) console.log(JSON.stringify({ text: vocab.join(tokens), prefix, length: made, temperature, seed }))
}
