import type { DroppedFile } from 'unrolled/browser'
import { openModel } from './current'
import { FileChoice } from './file-choice'
import { words } from './language'
import { modelEndings } from './model-files'
import { addressOf } from './route'
import { isText, takeTexts } from './text'

/** Opens a model from files of the user's; several, if its vocabulary or its weights are in others. */
export function OpenModel({ opened }: { opened?: () => void }) {
  const take = async (files: DroppedFile[]) => {
    // A text or a table is what the next model is trained on.
    if (files.every(({ name }) => isText(name))) {
      if (await takeTexts(files)) location.hash = addressOf('train')
    } else if (await openModel(files)) opened?.()
  }
  return <FileChoice label={words.value.models.open} multiple accept={modelEndings} take={take} />
}
