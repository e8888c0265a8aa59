import { useSignal } from '@preact/signals'
import MiniSearch from 'minisearch'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { words } from '../../studio/src/language'
import { type Found, find, type Result, searchOptions } from './search-options'

/** The most results that are listed. */
const MOST = 20

let loading: Promise<MiniSearch<Found>> | undefined

/** The index, which is loaded when somebody begins to search. */
function load(address: string): Promise<MiniSearch<Found>> {
  loading ??= fetch(address)
    .then((response) => response.text())
    .then((text) => MiniSearch.loadJSONAsync<Found>(text, searchOptions))
  return loading
}

interface SearchProps {
  /** Where the addresses of results begin. */
  root: string
  /** The address of the index. */
  index: string
}

/** A box that finds sections of guides and public names, with the keyboard, too: `/` begins. */
export function Search({ root, index }: SearchProps) {
  const { docs: t } = words.value
  const input = useRef<HTMLInputElement>(null)
  const query = useSignal('')
  const results = useSignal<readonly Result[] | undefined>(undefined)
  const count = useSignal(0)
  const chosen = useSignal(0)
  const open = query.value.trim() !== ''

  useLayoutEffect(() => {
    const begin = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest('input, textarea, select')
      if (typing || !(event.key === '/' || (event.key === 'k' && (event.ctrlKey || event.metaKey)))) return
      event.preventDefault()
      input.current?.focus()
    }
    addEventListener('keydown', begin)
    return () => removeEventListener('keydown', begin)
  }, [])

  const look = async (text: string) => {
    query.value = text
    const all = await load(index)
    // Meanwhile more may have been typed.
    if (query.value !== text) return
    const ranked = find(all, text)
    count.value = ranked.length
    results.value = ranked.slice(0, MOST)
    chosen.value = 0
  }
  const end = () => {
    query.value = ''
    results.value = undefined
  }
  const found = open ? (results.value ?? []) : []
  const choose = (to: number) => {
    chosen.value = Math.max(0, Math.min(to, found.length - 1))
    document.getElementById(`result-${chosen.value}`)?.scrollIntoView({ block: 'nearest' })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      ArrowDown: () => choose(chosen.value + 1),
      ArrowUp: () => choose(chosen.value - 1),
      Enter: () => document.getElementById(`result-${chosen.value}`)?.click(),
      Escape: end,
    }
    if (!open || !keys[event.key]) return
    event.preventDefault()
    keys[event.key]()
  }
  const status = !open ? '' : !results.value ? t.searching : found.length === 0 ? t.nothing(query.value.trim()) : ''
  const box = {
    role: 'combobox',
    // The list of results is its own, not one that the browser would show.
    list: undefined,
    'aria-autocomplete': 'list',
    'aria-expanded': found.length > 0,
    'aria-controls': 'results',
    'aria-activedescendant': found.length > 0 ? `result-${chosen.value}` : undefined,
  } as const
  return (
    <search class="search">
      <input
        ref={input}
        type="search"
        {...box}
        aria-label={t.search}
        placeholder={`${t.search}  /`}
        autocomplete="off"
        spellcheck={false}
        value={query.value}
        onFocus={() => void load(index)}
        onInput={({ currentTarget }) => void look(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="found" hidden={!open}>
        <p class="standing" role="status">
          {status || t.found(count.value)}
        </p>
        <div id="results" role="listbox" aria-label={t.search}>
          {found.map(({ id, title, where, address, excerpt }, i) => (
            <a
              key={id}
              id={`result-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === chosen.value}
              href={`${root}${address}`}
              lang="en"
              onClick={end}
            >
              <strong>{title}</strong> <span class="soft">{where}</span>
              <span class="excerpt">{excerpt}</span>
            </a>
          ))}
        </div>
      </div>
    </search>
  )
}
