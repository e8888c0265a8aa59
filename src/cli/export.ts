import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { type ExportFormat, exportFormats, OptionError } from '../config.js'
import { checkOut } from './check-out.js'
import { saidOf } from './command-line.js'
import { interruptible } from './interrupt.js'
import { checkFlagEffects, type Needs } from './needs.js'
import { print } from './output.js'

interface Options {
  out: string
  format?: ExportFormat | 'torchrun'
  text?: string[]
}

const formats = Object.keys(exportFormats) as ExportFormat[]

export function exportCommand(): Command {
  return new Command('export')
    .description('Write a saved model in the format of another framework, or a training that goes on in PyTorch.')
    .argument('<model>', 'folder of a saved model, or of a training')
    .requiredOption('--out <place>', 'file to write, or a new folder for a format of several files')
    .addOption(
      new Option('--format <name>', 'by default, what the ending of --out says').choices([...formats, 'torchrun']),
    )
    .option('--text <text...>', "the training's text, if it is not where it was")
    .addHelpText(
      'after',
      `
Examples:
  unrolled export runs/novel --out novel.safetensors       for PyTorch's load_state_dict; the tokens are in runs/novel/vocab.json
  unrolled export runs/novel --out novel.keras             for Keras 3's load_model
  unrolled export runs/novel --format tfjs --out novel-js  for TensorFlow.js' loadLayersModel
  unrolled export runs/novel --out novel.onnx              for ONNX Runtime and other runtimes
  unrolled export runs/novel --format torchrun --out there    a training that goes on in PyTorch, on many machines`,
    )
    .action(async (folder: string, options: Options, command: Command) => {
      checkFlagEffects('export', options, saidOf(command), needs, {})
      await interruptible((signal) => run(folder, options, signal))
    })
}

const needs: Needs<Options> = { text: ({ format }) => format !== 'torchrun' && '--format torchrun' }

/** Endings of files that other frameworks have and this library does not write, and what it writes instead. */
const insteadOf: readonly [ending: RegExp, instead: string][] = [
  [/\.(pt|pth|bin|ckpt)$/i, 'a name that ends in .safetensors, which PyTorch reads with safetensors.torch.load_file'],
  [/\.(h5|hdf5)$/i, 'a name that ends in .keras, which Keras 3 reads with keras.models.load_model'],
  [/\.json$/i, 'a folder, with --format tfjs, for TensorFlow.js, whose models are several files'],
]

async function run(folder: string, { out, format: asked, text }: Options, signal: AbortSignal): Promise<void> {
  const instead = asked ? undefined : insteadOf.find(([ending]) => ending.test(out))
  if (instead) {
    throw new OptionError(`export: ${JSON.stringify(out)} is not written, expected ${instead[1]}`)
  }
  const said = formats.find((name) => exportFormats[name] && out.toLowerCase().endsWith(exportFormats[name]))
  const format = asked ?? said
  if (!format) {
    throw new OptionError(
      `export: the ending of ${JSON.stringify(out)} does not tell the format, expected --format ${formats.join('|')}`,
    )
  }
  if (said && said !== format) {
    throw new OptionError(`export: --format is ${format}, but ${out} ends as ${said} does; expected the same of both`)
  }
  await checkOut('export', '--out', out, 'any')
  if (format === 'torchrun') return exportTraining(folder, out, text, signal)
  const { loadModel, writeExport } = await import('../node.js')
  const { exportModel } = await import('../formats.js')
  const { model, vocab, config } = await loadModel(folder)
  const files = await exportModel(model, vocab, format, config.training)
  signal.throwIfAborted()
  const place = await writeExport(out, files)
  print(`the model is saved in ${place}`)
  if (format !== 'safetensors') return
  const tokens = `${folder}/vocab.json`
  // A zip has it inside, and the folder of an unfinished training has none yet.
  print(
    existsSync(tokens)
      ? `its tokens are in ${tokens}: import it with --vocab ${tokens}`
      : 'its tokens are not in it: import it with --vocab and the vocab.json of the saved model',
  )
}

/** Writes a folder with which PyTorch's torchrun goes on with a training. */
async function exportTraining(
  folder: string,
  out: string,
  text: string[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { FolderStore, writeExport } = await import('../node.js')
  const { exportTorchrun } = await import('../formats.js')
  const { HeldTexts } = await import('./training-text.js')
  const held = new HeldTexts()
  const texts = (recorded: readonly string[]) => held.open(text ?? recorded)
  try {
    const { files, close } = await exportTorchrun(new FolderStore(folder), texts, { signal })
    try {
      print(`the training is saved in ${await writeExport(out, files)}: its README.md says how it goes on`)
    } finally {
      await close()
    }
  } finally {
    await held.close()
  }
}
