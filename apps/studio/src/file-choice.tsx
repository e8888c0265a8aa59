import type { DroppedFile } from 'unrolled/browser'

/**
 * A button that lets the reader choose a file, or several.
 * @param take is given what was chosen, at least one
 */
export function FileChoice(props: {
  label: string
  accept: string
  multiple?: boolean
  take: (files: DroppedFile[]) => Promise<unknown>
}) {
  const { label, accept, multiple = false, take } = props
  return (
    <label class="file">
      {label}
      <input
        type="file"
        multiple={multiple}
        accept={accept}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])].map((file) => ({ name: file.name, file }))
          // The same files can be chosen again after they were mended.
          currentTarget.value = ''
          if (files.length > 0) void take(files)
        }}
      />
    </label>
  )
}
