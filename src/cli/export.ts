import { Command, Option } from 'commander'
import { type ExportFormat, exportFormats, OptionError } from '../config.js'
import { print } from './output.js'

interface Options {
  out: string
  format?: ExportFormat
}

const formats = Object.keys(exportFormats) as ExportFormat[]

export function exportCommand(): Command {
  return new Command('export')
    .description('Write a saved model in the format of another framework.')
    .argument('<model>', 'folder of a saved model')
    .requiredOption('--out <place>', 'file to write, or a new folder for a format of several files')
    .addOption(new Option('--format <name>', 'by default, what the ending of --out says').choices(formats))
    .addHelpText(
      'after',
      `
Examples:
  unrolled export runs/novel --out novel.safetensors       for PyTorch's load_state_dict`,
    )
    .action(run)
}

async function run(folder: string, { out, format = formatOf(out) }: Options): Promise<void> {
  const { loadModel, writeExport } = await import('../node.js')
  const { exportModel } = await import('../formats.js')
  const { model, vocab } = await loadModel(folder)
  const place = await writeExport(out, await exportModel(model, vocab, format))
  print(`the model is saved in ${place}`)
}

/** The format that the ending of a file's name says. */
function formatOf(out: string): ExportFormat {
  const format = formats.find((name) => exportFormats[name] && out.endsWith(exportFormats[name]))
  if (format) return format
  throw new OptionError(`export: the ending of ${out} does not tell the format, expected --format ${formats.join('|')}`)
}
