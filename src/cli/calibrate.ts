import { Command, Option } from 'commander'
import { withOptions } from './arguments.js'
import { withProgress } from './bar.js'
import { interruptible } from './interrupt.js'
import { ModelTexts, type PartOptions, partOf, partOptions } from './model-text.js'
import { print, printJson } from './output.js'
import { refuseUnfinished } from './resume.js'
import { grouped } from './table.js'

interface Options extends PartOptions {
  out: string
  json?: boolean
}

export function calibrateCommand(): Command {
  return withOptions(new Command('calibrate'), partOptions('validation'))
    .description('Make a saved model as sure of itself as a held-out text warrants (temperature scaling).')
    .argument('<model>', 'folder of a saved model')
    .argument('[text...]', 'text files, directories, patterns such as books/*.txt, or - for standard input')
    .addOption(
      new Option(
        '--out <folder>',
        'for the model that comes of it; a finished model there is replaced',
      ).makeOptionMandatory(),
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled calibrate runs/novel novel.txt --out calibrated
  unrolled calibrate runs/novel another.txt --split all --out calibrated

A model that over-fitted gives the likeliest tokens too high a probability. One number, found on text that it was not
trained on, divides all its scores; what is likeliest stays so. Measure it on text that this number was not found on,
where there is some: eval --split test.`,
    )
    .action((folder: string, texts: string[], options: Options) =>
      interruptible((signal) => run(folder, texts, options, signal)),
    )
}

async function run(folder: string, texts: string[], options: Options, signal: AbortSignal): Promise<void> {
  const { calibrate, checkModelFolder, loadModel, saveModel } = await import('../node.js')
  const { out, json } = options
  const saved = await loadModel(folder)
  await checkModelFolder(out)
  await refuseUnfinished(out)
  const { model, vocab, config } = saved
  const opened = new ModelTexts('calibrate', folder, saved, options, signal)
  try {
    const { corpus, source } = await opened.part(texts)
    const { temperature, before, after } = await withProgress('calibrating', (onProgress) =>
      calibrate(model, corpus, { signal, onProgress }),
    )
    const earlier = Number(config.training?.temperature ?? 1)
    await saveModel(out, model, vocab, { ...config.training, temperature: earlier * temperature })
    if (json) {
      printJson({ model: folder, text: source, split: options.split, temperature, before, after, out })
      return
    }
    print(`text: ${partOf(source, options.split)}, ${grouped(before.tokens)} tokens foretold`)
    print(`scores divided by a temperature of ${temperature.toFixed(4)}`)
    print(
      `loss ${before.loss.toFixed(4)} → ${after.loss.toFixed(4)} nats a token, perplexity ${before.perplexity.toFixed(3)} → ${after.perplexity.toFixed(3)}`,
    )
    print(`saved to ${out}`)
  } finally {
    await opened.close()
  }
}
