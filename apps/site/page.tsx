import type { ComponentChildren } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { Top } from '../studio/src/top'
import { english } from '../studio/src/words/english'
import type { Heading } from './markdown'
import { addressOfGuide, addressOfTopic, fromPage, guides, REFERENCE, topics } from './plan'

/** What the page's program is called after it was built. */
export interface Assets {
  script: string
  styles: readonly string[]
  /** The search index. */
  index: string
}

export interface Page {
  /** From the root of the site; all pages lie one folder deep. */
  address: string
  title: string
  /** What the page is about, for search engines. */
  about: string
  headings: readonly Heading[]
  content: ComponentChildren
  /** The language of the content, if that is not English. */
  language?: 'pt'
}

type Label = 'contents' | 'guides' | 'reference' | 'project' | 'onThisPage'

/** A word that the page's program changes to the chosen language. */
const Word = ({ name }: { name: Label }) => <span data-word={name}>{english.docs[name]}</span>

const lists = [
  { label: 'guides', links: linksOf('guides') },
  {
    label: 'reference',
    links: [
      { name: 'All names', address: REFERENCE },
      ...topics.map((topic) => ({ name: topic.name, address: addressOfTopic(topic) })),
    ],
  },
  { label: 'project', links: linksOf('project') },
] as const

function linksOf(group: string) {
  return guides
    .filter((guide) => guide.group === group)
    .map((guide) => ({ name: guide.name, address: addressOfGuide(guide) }))
}

function Contents({ current }: { current: string }) {
  return (
    <>
      {lists.map(({ label, links }) => (
        <section key={label}>
          <h2>
            <Word name={label} />
          </h2>
          <ul lang="en">
            {links.map(({ name, address }) => (
              <li key={address}>
                <a href={fromPage(address)} aria-current={address === current ? 'page' : undefined}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  )
}

function OnThisPage({ headings }: { headings: readonly Heading[] }) {
  const shown = headings.filter(({ depth }) => depth === 2)
  if (shown.length < 2) return null
  return (
    <nav class="on-this-page" aria-label={english.docs.onThisPage} data-label="onThisPage">
      <h2>
        <Word name="onThisPage" />
      </h2>
      <ul lang="en">
        {shown.map(({ anchor, name }) => (
          <li key={anchor}>
            <a href={`#${anchor}`}>{name}</a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

/** The pages before and after, in the order of the contents. */
function Neighbours({ current }: { current: string }) {
  const all = lists.flatMap(({ links }) => [...links])
  const at = all.findIndex(({ address }) => address === current)
  const [before, after] = [all[at - 1], all[at + 1]]
  return (
    <nav class="neighbours" aria-label={english.docs.neighbours} data-label="neighbours">
      {before && (
        <a rel="prev" href={fromPage(before.address)}>
          ← {before.name}
        </a>
      )}
      {after && (
        <a rel="next" href={fromPage(after.address)}>
          {after.name} →
        </a>
      )}
    </nav>
  )
}

/** Everything comes from the host of the page: it needs no other, and nothing is in line. */
const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"

/** A page of the documentation as a file. It can be read without its program. */
export function htmlOf(
  { address, title, about, headings, content, language }: Page,
  { script, styles, index }: Assets,
): string {
  const html = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="description" content={about} />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <title>{`${title} · Unrolled`}</title>
        <link rel="icon" href={fromPage('icon.svg')} type="image/svg+xml" />
        {styles.map((file) => (
          <link key={file} rel="stylesheet" href={fromPage(file)} />
        ))}
        <script type="module" src={fromPage(script)} />
      </head>
      <body>
        <div id="top">
          <Top words={english} docs={fromPage('docs/index.html')} studio={fromPage('index.html')} language="en" />
        </div>
        <div class="docs">
          <div class="side">
            <div id="search" data-index={fromPage(index)} />
            <details class="contents" open>
              <summary>
                <Word name="contents" />
              </summary>
              <nav aria-label={english.docs.contents} data-label="contents">
                <Contents current={address} />
              </nav>
            </details>
          </div>
          <main id="content" tabIndex={-1} lang={language ?? 'en'}>
            {content}
            <Neighbours current={address} />
          </main>
          <OnThisPage headings={headings} />
        </div>
      </body>
    </html>,
  )
  return `<!doctype html>\n${html}\n`
}
