import { words } from '../language'
import { reading } from './chosen'

/** How much of a table is read, if that takes long. */
export function Reading() {
  const now = reading.value
  if (!now) return null
  const says = words.value.series.reading(now.name)
  return (
    <p class="standing" role="status">
      {says} <progress aria-label={says} value={now.share} />
    </p>
  )
}
