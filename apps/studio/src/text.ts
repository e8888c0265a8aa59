import { signal } from '@preact/signals'
import { type DroppedFile, textOf } from 'unrolled/browser'
import { FaultError, faultOf, told } from './faults'
import { addressOf, route } from './route'
import { isSeries, series, takeSeries } from './series/chosen'
import { linked } from './series/setup'
import { beginning, type Reading, setup, wholeOf } from './setup'

/** The text to train on: one that comes with the page, or the user's own, which stays in this page. */
export interface ChosenText {
  /** Absent for the text that comes with the page. */
  own?: { name: string; read: () => Promise<string>; reading: Reading }
}

export const chosen = signal<ChosenText>({})

/** Chooses a text, and reads it as such a text is read, however the one before was. */
export function choose(text: ChosenText): void {
  chosen.value = text
  setup.value = { ...setup.value, ...(text.own?.reading ?? beginning) }
}

/** The name of the text, where `mobyDick` stands for the text that comes with the page. */
export const nameOf = ({ own }: ChosenText, mobyDick: string): string => own?.name ?? mobyDick

/** The characters of the text. @throws an error that says why they cannot be had */
export async function read({ own }: ChosenText): Promise<string> {
  if (own) return own.read()
  const response = await fetch('./texts/moby-dick.txt')
  if (!response.ok) throw new Error(`texts/moby-dick.txt: ${response.status} ${response.statusText}`)
  return response.text()
}

/** Takes texts that were chosen or dropped: one, or several that follow each other; or a table of numbers. Of folders, only .txt files are. */
export const takeTexts = (files: readonly DroppedFile[]): Promise<boolean> =>
  told(async () => {
    const table = files.find(({ name }) => isSeries(name))
    if (table) return takeSeries(table)
    const texts = files.filter(({ name }) => !name.includes('/') || /\.txt$/i.test(name))
    if (texts.length === 0) throw new FaultError({ kind: 'noText' })
    const parts: string[] = []
    for (const { name, file } of texts) {
      const text = await textOf(file).catch((error) => {
        throw new FaultError(faultOf(error, shortName(name)))
      })
      if (text.trim() === '') throw new FaultError({ kind: 'emptyText', name: shortName(name) })
      parts.push(text)
    }
    const [first] = texts.map(({ name }) => shortName(name).replace(/\.txt$/i, ''))
    const name = texts.length === 1 ? first : `${first} + ${texts.length - 1}`
    const whole = parts.join('\n')
    choose({ own: { name, read: async () => whole, reading: wholeOf(whole) } })
    series.value = undefined
    // A link to a training on series is no longer followed.
    if (linked(route.peek().query)) location.hash = addressOf('train')
  })

/** Whether a file is a text or a table to train on, by its name. */
export const isText = (name: string): boolean => /\.txt$/i.test(name) || isSeries(name)

const shortName = (name: string): string => name.replace(/^.*[/\\]/, '')
