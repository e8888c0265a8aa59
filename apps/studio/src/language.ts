import { computed, effect, signal } from '@preact/signals'
import { type Language, languages } from './words/languages'

const KEY = 'unrolled language'

/** The language that was chosen last, or else the browser's. */
function first(): Language {
  const kept = localStorage.getItem(KEY)
  if (kept === 'en' || kept === 'pt-BR') return kept
  return navigator.languages.find((name) => /^(en|pt)/.test(name))?.startsWith('pt') ? 'pt-BR' : 'en'
}

export const language = signal<Language>(first())

/** All words of the page in the language that is chosen. */
export const words = computed(() => languages[language.value])

effect(() => {
  document.documentElement.lang = language.value
  localStorage.setItem(KEY, language.value)
})

/** A number with as many digits as tell something, as people of the language write it. */
export const significant = (value: number, digits = 3): string =>
  value.toLocaleString(language.value, { maximumSignificantDigits: digits })

/** A time in milliseconds since 1970, in UTC: its date, and its hour unless that is midnight. */
export const date = (time: number, dateStyle: 'medium' | 'short' = 'medium'): string =>
  new Date(time).toLocaleString(language.value, {
    dateStyle,
    timeZone: 'UTC',
    ...(time % 86_400_000 !== 0 && { timeStyle: 'short' }),
  })

/** A number as a power of ten with a factor, as people of the language write it. */
export const scientific = (value: number, digits = 1): string =>
  value.toLocaleString(language.value, {
    notation: 'scientific',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })

/** A number with these digits after the point, as people of the language write it. */
export const number = (value: number, digits = 0): string =>
  value.toLocaleString(language.value, { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** A number as `told` tells it, or as a power of ten with a factor where that is long, such as the perplexity of an explosion. */
export const short = (value: number, told: (value: number) => string, digits?: number): string =>
  Number.isFinite(value) && Math.abs(value) >= 1e7 ? scientific(value, digits) : told(value)
