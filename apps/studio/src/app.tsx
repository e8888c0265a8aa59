import { computed } from '@preact/signals'
import { droppedFiles } from 'unrolled/browser'
import { openModel } from './current'
import { problem } from './faults'
import { InsideView } from './inside/inside-view'
import { language, words } from './language'
import { LessonView } from './lesson/lesson-view'
import { LibraryView } from './library/library-view'
import { areModel } from './model-files'
import { Problem } from './problem'
import { addressOf, route, type View } from './route'
import { Reading } from './series/reading'
import { takeTexts } from './text'
import { Top } from './top'
import { TrainView } from './train/train-view'
import { WriteView } from './write/write-view'

const shown: Record<View, () => preact.JSX.Element> = {
  lesson: LessonView,
  train: TrainView,
  inside: InsideView,
  write: WriteView,
  library: LibraryView,
}

async function takeDropped(drop: DataTransfer): Promise<void> {
  const files = await droppedFiles(drop)
  if (!areModel(files)) return void takeTexts(files)
  if (await openModel(files)) location.hash = addressOf('library')
}

// A text or a model can be dropped anywhere.
addEventListener('dragover', (event) => event.preventDefault())
addEventListener('drop', (event) => {
  event.preventDefault()
  if (event.dataTransfer) void takeDropped(event.dataTransfer)
})

// What went wrong in one view is not said in the next.
computed(() => route.value.view).subscribe(() => {
  problem.value = undefined
})

/** Where the documentation is, if a host of the page has it. */
const documentation = document.querySelector<HTMLLinkElement>('link[rel=help]')?.href

/** The page: its navigation, and the view that its address names. */
export function App() {
  const { views: names } = words.value
  const { view } = route.value
  const Shown = shown[view]
  document.title = `${names[view]} · Unrolled Studio`
  return (
    <>
      <Top
        words={words.value}
        view={view}
        docs={documentation}
        language={language.value}
        choose={(chosen) => {
          language.value = chosen
        }}
      />
      <main id="content" tabIndex={-1}>
        <Problem />
        <Reading />
        <Shown />
      </main>
    </>
  )
}
