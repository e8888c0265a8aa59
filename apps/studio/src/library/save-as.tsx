import { exportFormats } from 'unrolled/config'
import { told } from '../faults'
import type { Saved } from '../kept'
import { words } from '../language'

/** What a model of texts is saved as. */
const all = ['zip', ...Object.keys(exportFormats)] as readonly Saved[]

interface SaveAsOptions {
  name: string
  /** Default: those of a model of texts. */
  formats?: readonly Saved[]
  save: (format: Saved) => Promise<void>
}

/** Saves a model as a file of the user's. */
export function SaveAs({ name, formats = all, save }: SaveAsOptions) {
  const { library: t } = words.value
  return (
    <select
      aria-label={t.save(name)}
      value=""
      onChange={({ currentTarget }) => {
        const format = currentTarget.value as Saved
        currentTarget.value = ''
        void told(() => save(format), name)
      }}
    >
      <option value="">{t.saveAs}</option>
      {formats.map((format) => (
        <option key={format} value={format} disabled={format === 'keras'}>
          {format === 'keras' ? t.kerasLacks : format}
        </option>
      ))}
    </select>
  )
}
