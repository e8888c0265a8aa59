import { type View, views } from './views'
import type { Words } from './words/english'
import { type Language, languages } from './words/languages'

interface TopProps {
  words: Words
  /** The view that is shown; none on a page of the documentation. */
  view?: View
  /** The address of the documentation, if it is there. */
  docs?: string
  /** The address of the page with the views, with a slash at its end. Default: this page. */
  studio?: string
  language: Language
  choose?: (language: Language) => void
}

/** The bar above everything: the views, the documentation, and the language. Documentation is also drawn without a browser. */
export function Top({ words, view, docs, studio = '', language, choose }: TopProps) {
  return (
    <>
      <a class="skip" href="#content">
        {words.skip}
      </a>
      <header class="top">
        <a class="mark" href={`${studio}#/${views[0]}`}>
          Unrolled
        </a>
        <nav class="views" aria-label="Unrolled">
          {views.map((name) => (
            <a key={name} href={`${studio}#/${name}`} aria-current={name === view ? 'page' : undefined}>
              {words.views[name]}
            </a>
          ))}
          {docs !== undefined && (
            <a href={docs} aria-current={view === undefined ? 'page' : undefined}>
              {words.docs.name}
            </a>
          )}
        </nav>
        <select
          aria-label={words.language}
          value={language}
          onChange={({ currentTarget }) => choose?.(currentTarget.value as Language)}
        >
          {Object.entries(languages).map(([key, { name }]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </header>
    </>
  )
}
