import { Command } from 'commander'
import { checkOut } from './check-out.js'
import { deviceOption } from './device.js'
import { interruptible } from './interrupt.js'
import type { LabelOptions } from './label-flags.js'

export function labelCommand(): Command {
  return new Command('label')
    .description('Label the texts of a CSV file with a saved model: the file again, with a label and its probability.')
    .argument('<model>', 'folder of a model that unrolled train --text-column saved')
    .argument('<file>', 'CSV file with a column of texts, or - for standard input')
    .option('--text-column <name>', 'the texts (default: the column that the model was trained on)')
    .option('--out <file>', 'the CSV file (default: standard output)')
    .addOption(deviceOption())
    .option('--json', 'one JSON object per row on standard output, with the probability of each label')
    .addHelpText(
      'after',
      `
Examples:
  unrolled label runs/reviews new.csv --out labelled.csv
  printf 'review\\nA fine story\\n' | unrolled label runs/reviews -`,
    )
    .action(async (folder: string, file: string, options: LabelOptions) => {
      if (options.out !== undefined) await checkOut('label', '--out', options.out, 'file', file)
      const { labelTexts } = await import('./label-texts.js')
      await interruptible((signal) => labelTexts(folder, file, options, signal))
    })
}
