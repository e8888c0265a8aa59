import { useEffect } from 'preact/hooks'
import { language, words } from '../language'
import { addressOf, route } from '../route'
import { CellView } from './cell-view'
import { cellOf, cells } from './cells'
import './lesson.css'
import { outline } from './outline'
import { Prose } from './prose'
import { busy, lost, restart, runAll, stop } from './runner'
import { english } from './text/english'
import { portuguese } from './text/portuguese'

const texts = { en: english, 'pt-BR': portuguese } as const

const addressOfSection = (section: string) => addressOf('lesson', new URLSearchParams({ section }))

/** The lesson: the book's section, whose cells run in the page. */
export function LessonView() {
  const { lesson: t } = words.value
  const text = texts[language.value]
  const section = route.value.query.get('section')
  // An address can name a section.
  useEffect(() => {
    if (section !== null) document.getElementById(section)?.scrollIntoView()
  }, [route.value])
  return (
    <article class="lesson">
      <nav class="contents" aria-label={t.contents}>
        <ul>
          {outline.map(({ section }) => (
            <li key={section}>
              <a href={addressOfSection(section)}>{text.sections[section].title}</a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="chapters">
        <h1>{text.title}</h1>
        <Prose text={text.lead} />
        <Controls />
        {outline.map(({ section, cells }) => {
          const { title, begins, ends } = text.sections[section]
          return (
            <section key={section} id={section} aria-labelledby={`${section}-title`}>
              <h2 id={`${section}-title`}>{title}</h2>
              {begins && <Prose text={begins} />}
              {cells.map((name) => (
                <div class="step" key={name}>
                  <Prose text={text.cells[name]} />
                  <CellView cell={cellOf(name)} />
                </div>
              ))}
              {ends && <Prose text={ends} />}
            </section>
          )
        })}
      </div>
    </article>
  )
}

/** What is done with all cells at once. */
function Controls() {
  const { lesson: t } = words.value
  const touched = cells.some(({ state }) => state.value !== 'fresh')
  return (
    <div class="controls actions">
      {busy.value ? (
        <button type="button" class="main" onClick={stop}>
          {t.stop}
        </button>
      ) : (
        <button type="button" class="main" onClick={runAll}>
          {t.runAll}
        </button>
      )}
      <button type="button" disabled={!touched} onClick={restart}>
        {t.restart}
      </button>
      <p class="standing" role="status">
        {lost.value && t.lost}
      </p>
    </div>
  )
}
