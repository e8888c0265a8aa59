import { InsideView } from './inside/inside-view'
import { type Language, language, languages, words } from './language'
import { LessonView } from './lesson/lesson-view'
import { LibraryView } from './library/library-view'
import { addressOf, route, type View, views } from './route'
import { takeDropped } from './text'
import { TrainView } from './train/train-view'
import { WriteView } from './write/write-view'

const shown: Record<View, () => preact.JSX.Element> = {
  lesson: LessonView,
  train: TrainView,
  inside: InsideView,
  write: WriteView,
  library: LibraryView,
}

// A text can be dropped anywhere.
addEventListener('dragover', (event) => event.preventDefault())
addEventListener('drop', (event) => {
  event.preventDefault()
  if (event.dataTransfer) void takeDropped(event.dataTransfer)
})

/** The page: its navigation, and the view that its address names. */
export function App() {
  const { views: names, skip, language: label } = words.value
  const { view } = route.value
  const Shown = shown[view]
  document.title = `${names[view]} · Unrolled Studio`
  return (
    <>
      <a class="skip" href="#content">
        {skip}
      </a>
      <header class="top">
        <a class="mark" href={addressOf(views[0])}>
          Unrolled
        </a>
        <nav class="views" aria-label="Unrolled Studio">
          {views.map((name) => (
            <a key={name} href={addressOf(name)} aria-current={name === view ? 'page' : undefined}>
              {names[name]}
            </a>
          ))}
        </nav>
        <select
          aria-label={label}
          value={language.value}
          onChange={({ currentTarget }) => {
            language.value = currentTarget.value as Language
          }}
        >
          {Object.entries(languages).map(([key, { name }]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </header>
      <main id="content" tabIndex={-1}>
        <Shown />
      </main>
    </>
  )
}
