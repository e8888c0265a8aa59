import { Command } from 'commander'

export function infoCommand(): Command {
  return new Command('info')
    .description('Tell what a saved model is.')
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
  const facts = { ...sizes, tokens: vocab.kind, parameters, kernels: name, threads }
  if (json) {
    const shapes = Object.fromEntries(named.map(([name, { shape }]) => [name, shape]))
    console.log(JSON.stringify({ ...facts, training, shapes }))
    return
  }
  const print = (entries: object) => {
    for (const [name, value] of Object.entries(entries))
      console.log(`  ${name.padEnd(26)} ${value}`.replace(/\p{Cc}/gu, ' '))
  }
  console.log(folder)
  print(facts)
  console.log('parameters')
  print(Object.fromEntries(named.map(([name, { shape }]) => [name, `[${shape.join(', ')}]`])))
  if (training) {
    console.log('training')
    print(training)
  }
}
