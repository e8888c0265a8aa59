import {
  decodeLabelFiles,
  encodeLabelFiles,
  LABELS_FORMAT,
  labelsConfigOf,
  parseLabelsConfig,
} from '../formats/labels-config.js'
import { CONFIG, PARAMETERS, VOCAB } from '../formats/read-model.js'
import { checkSizes, type Labeller } from '../train/labeller.js'
import { hasFormat, readWhole, replaceModel } from './model-folder.js'
import { checkPath } from './path-argument.js'

/**
 * Saves a model that labels texts as a folder of config.json, model.safetensors and vocab.json, as `saveModel` saves a
 * language model.
 * @throws DataError for a model that could not be loaded again, and for a folder that holds something else
 */
export async function saveLabeller(folder: string, { model, vocab, spec, training }: Labeller): Promise<void> {
  checkPath('saveLabeller', 'the folder', folder)
  checkSizes('saveLabeller', model, vocab, spec)
  await replaceModel(
    folder,
    await encodeLabelFiles('saveLabeller', model, vocab, labelsConfigOf(model, spec, training)),
  )
}

/** @throws DataError if there is no model; FormatError for a damaged one, or one of another kind */
export async function loadLabeller(folder: string): Promise<Labeller> {
  checkPath('loadLabeller', 'the folder', folder)
  const { [CONFIG]: bytes } = await readWhole(folder, [CONFIG])
  // Before the other files, which a model of another kind may not have.
  parseLabelsConfig(new TextDecoder().decode(bytes), `${folder}/${CONFIG}`)
  const files = await readWhole(folder, [CONFIG, PARAMETERS, VOCAB])
  const { model, vocab, config } = await decodeLabelFiles(files, folder)
  return { model, vocab, spec: config.spec, training: config.training }
}

/** Whether a folder holds a model that labels texts. */
export const isLabeller = (folder: string): Promise<boolean> => hasFormat(folder, LABELS_FORMAT)
