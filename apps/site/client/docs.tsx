import { effect } from '@preact/signals'
import { render } from 'preact'
import '../../studio/src/theme.css'
import { language, words } from '../../studio/src/language'
import { workOffLine } from '../../studio/src/offline'
import { Top } from '../../studio/src/top'
import { ExampleRunner } from './example'
import { Search } from './search'
import '../site.css'

/** All pages of the documentation lie one folder deep. */
const root = new URL('../', location.href).href

workOffLine(`${root}service-worker.js`)

function Bar() {
  return (
    <Top
      words={words.value}
      docs="../docs/index.html"
      studio="../index.html"
      language={language.value}
      choose={(chosen) => {
        language.value = chosen
      }}
    />
  )
}

render(<Bar />, document.getElementById('top')!)
const search = document.getElementById('search')!
render(<Search root={root} index={search.dataset.index!} />, search)
for (const example of document.querySelectorAll<HTMLElement>('[data-example]')) {
  const place = document.createElement('div')
  example.append(place)
  render(<ExampleRunner id={example.dataset.example!} />, place)
}

/** Words that stand in the page, in the language that is chosen. The documents themselves are English. */
type Label = 'contents' | 'guides' | 'reference' | 'project' | 'onThisPage' | 'neighbours'
effect(() => {
  const { docs } = words.value
  for (const element of document.querySelectorAll<HTMLElement>('[data-word]')) {
    element.textContent = docs[element.dataset.word as Label]
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-label]')) {
    element.setAttribute('aria-label', docs[element.dataset.label as Label])
  }
})

/** On a narrow page the contents would fill the screen. */
const contents = document.querySelector<HTMLDetailsElement>('details.contents')!
const wide = matchMedia('(min-width: 900px)')
const fold = () => {
  contents.open = wide.matches
}
wide.addEventListener('change', fold)
fold()
contents.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })

/** What scrolls can be reached with the keyboard; nothing else stands in its way. */
const scrolling = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.setAttribute('tabindex', '0')
    else target.removeAttribute('tabindex')
  }
})
for (const element of document.querySelectorAll('main pre, main .scroll')) scrolling.observe(element)
