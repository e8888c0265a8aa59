import { openModel } from './current'
import { words } from './language'
import { modelEndings } from './model-files'

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
          if (files.length > 0 && (await openModel(files))) opened?.()
        }}
      />
    </label>
  )
}
