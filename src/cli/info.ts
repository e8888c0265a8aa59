import { Command } from 'commander'
import { print, printJson } from './output.js'

export function infoCommand(): Command {
  return new Command('info')
    .description('Describe a saved model.')
    .argument('<model>', 'folder of a saved model')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExample:\n  unrolled info runs/time-machine')
    .action(run)
}

async function run(folder: string, { json }: { json?: boolean }): Promise<void> {
  const { kernels, loadModel } = await import('../node.js')
  const { model, vocab, config } = await loadModel(folder)
  const named = model.namedParameters()
  const parameters = named.reduce((sum, [, { size }]) => sum + size, 0)
  const { format: _, version: __, sha256: ___, training, ...sizes } = config
  const { name, threads } = kernels()
  const facts = { ...sizes, tokens: vocab.kind, parameters }
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
    const limits = Object.entries(training).filter(([name, value]) => value !== 'all' || name === 'maxTokens')
    list(Object.fromEntries(limits))
  }
  print('this machine')
  list({ kernels: name, threads })
}
