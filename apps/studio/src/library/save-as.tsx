import type { LoadedModel } from 'unrolled/browser'
import { exportFormats } from 'unrolled/config'
import { told } from '../faults'
import { download, type Saved } from '../kept'
import { words } from '../language'

/** What a model is saved as. */
const formats = ['zip', ...Object.keys(exportFormats)] as const

/** Saves a model as a file of the user's. */
export function SaveAs({ name, load }: { name: string; load: () => Promise<LoadedModel> }) {
  const { library: t } = words.value
  return (
    <select
      aria-label={t.save(name)}
      value=""
      onChange={({ currentTarget }) => {
        const format = currentTarget.value as Saved
        currentTarget.value = ''
        void told(() => download(name, load, format), name)
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
