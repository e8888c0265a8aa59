import { Command, Option } from 'commander'
import { DataError } from '../config.js'
import type { DeviceName } from '../node.js'
import { withProgress } from './bar.js'
import { changesOf } from './changes.js'
import { checkOut } from './check-out.js'
import { defaultsOf, saidOf, withOptions } from './command-line.js'
import { deviceOption, moveTo } from './device.js'
import { interruptible } from './interrupt.js'
import { ModelTexts, type PartOptions, partOf, partOptions } from './model-text.js'
import { checkFlagEffects, type Needs } from './needs.js'
import { print, printJson } from './output.js'
import { grouped, perplexityOf } from './table.js'

interface Options extends PartOptions {
  out: string
  device: DeviceName
  json?: boolean
}

export function calibrateCommand(): Command {
  return withOptions(new Command('calibrate'), partOptions('validation'))
    .description('Calibrate the confidence of a saved model on a held-out text (temperature scaling).')
    .argument('<model>', 'folder of a saved model')
    .argument('[text...]', 'text files, directories, patterns such as books/*.txt, or - for standard input')
    .addOption(
      new Option(
        '--out <folder>',
        'where the calibrated model is saved; a finished model there is replaced',
      ).makeOptionMandatory(),
    )
    .addOption(deviceOption())
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      `
Examples:
  unrolled calibrate runs/novel --out calibrated             the part held out of its own text
  unrolled calibrate runs/novel another.txt --split all --out calibrated

A model that over-fitted gives the likeliest tokens too high a probability. Calibration divides all its scores by one
number, which it finds on text that the model was not trained on; the likeliest tokens stay the same. To measure the
result, use another text than the one that the number was found on, such as eval --split test.`,
    )
    .action(async (folder: string, texts: string[], options: Options, command: Command) => {
      checkFlagEffects('calibrate', options, saidOf(command), needs, defaultsOf(command.options))
      await interruptible((signal) => run(folder, texts, options, signal))
    })
}

const aPart = ({ split }: Options) => split === 'all' && '--split validation or test'

const needs: Needs<Options> = { validation: aPart, test: aPart }

async function run(folder: string, texts: string[], options: Options, signal: AbortSignal): Promise<void> {
  const { calibrate, FolderStore, LARGEST_TEMPERATURE, loadModel, refuseUnfinished, saveModel, savedText } =
    await import('../node.js')
  const { out, json } = options
  await checkOut('calibrate', '--out', out, 'any')
  const saved = await loadModel(folder)
  const store = new FolderStore(out)
  await store.check()
  await refuseUnfinished(store)
  const { model, vocab, config } = saved
  await moveTo('calibrate', options.device, model)
  const opened = new ModelTexts('calibrate', folder, saved, savedText(saved), options, signal)
  try {
    const { corpus, source, changes, whole } = await opened.part(texts)
    const { temperature, before, after } = await withProgress('calibrating', (onProgress) =>
      calibrate(model, corpus, { signal, onProgress }),
    )
    const atBound = Math.abs(Math.log(temperature)) >= Math.log(LARGEST_TEMPERATURE)
    if (atBound || after.loss >= before.loss) {
      throw new DataError(
        `calibrate: no temperature makes ${folder} better on ${partOf(source, options.split)}: the search ended at ${temperature.toPrecision(4)}, with a loss of ${after.loss.toFixed(4)} instead of ${before.loss.toFixed(4)}; nothing was saved: keep the model as it is, or name a text like the one that it was trained on`,
      )
    }
    const recorded = config.training?.temperature
    const earlier = typeof recorded === 'number' ? recorded : 1
    await saveModel(out, model, vocab, { ...config.training, temperature: earlier * temperature })
    if (json) {
      printJson({ model: folder, text: source, split: options.split, temperature, before, after, out })
      return
    }
    print(`text: ${partOf(source, options.split)}, ${grouped(before.tokens)} tokens predicted`)
    const changed = changesOf(changes, whole)
    if (changed) print(changed)
    print(`scores divided by a temperature of ${temperature.toFixed(4)}`)
    print(
      `loss ${before.loss.toFixed(4)} → ${after.loss.toFixed(4)} nats a token, perplexity ${perplexityOf(before.loss)} → ${perplexityOf(after.loss)}`,
    )
    print(`saved to ${out}`)
  } finally {
    await opened.close()
  }
}
