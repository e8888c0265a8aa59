import { openModel } from './current'
import { words } from './language'
import { modelEndings } from './model-files'
import { addressOf } from './route'
import { isText, takeTexts } from './text'

/** Opens a model from files of the user's; several, if its vocabulary or its weights are in others. */
export function OpenModel({ opened }: { opened?: () => void }) {
  return (
    <label class="file">
      {words.value.models.open}
      <input
        type="file"
        multiple
        accept={modelEndings}
        onChange={async ({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])].map((file) => ({ name: file.name, file }))
          // The same files can be chosen again after they were mended.
          currentTarget.value = ''
          if (files.length === 0) return
          // A text or a table is what the next model is trained on.
          if (files.every(({ name }) => isText(name))) {
            if (await takeTexts(files)) location.hash = addressOf('train')
          } else if (await openModel(files)) opened?.()
        }}
      />
    </label>
  )
}
