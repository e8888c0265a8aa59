import { signal } from '@preact/signals'
import { droppedTexts, textOf } from 'unrolled/browser'

/** The text to train on: one that comes with the page, or the user's own, which stays in this page. */
export interface ChosenText {
  /** Absent for the text that comes with the page. */
  own?: { name: string; text: string }
}

export const chosen = signal<ChosenText>({})

/** Why the last file could not be used. */
export const refused = signal<string | undefined>(undefined)

/** The name of the text, where `mobyDick` stands for the text that comes with the page. */
export const nameOf = ({ own }: ChosenText, mobyDick: string): string => own?.name ?? mobyDick

/** The characters of the text. @throws an error that says why they cannot be had */
export async function read({ own }: ChosenText): Promise<string> {
  if (own) return own.text
  const response = await fetch('./texts/moby-dick.txt')
  if (!response.ok) throw new Error(`texts/moby-dick.txt: ${response.status} ${response.statusText}`)
  return response.text()
}

/** Takes a file that was chosen. */
export const takeFile = (file: File): Promise<void> =>
  take(async () => ({ name: shortName(file.name), text: await textOf(file) }))

/** Takes what was dropped: one text, or several that follow each other. */
export const takeDropped = (drop: DataTransfer): Promise<void> =>
  take(async () => {
    const texts = await droppedTexts(drop)
    const name = texts.length === 1 ? shortName(texts[0].name) : `${shortName(texts[0].name)} + ${texts.length - 1}`
    return { name, text: texts.map(({ text }) => text).join('\n') }
  })

async function take(read: () => Promise<{ name: string; text: string }>): Promise<void> {
  try {
    chosen.value = { own: await read() }
    refused.value = undefined
  } catch (error) {
    refused.value = (error as Error).message
  }
}

const shortName = (name: string): string => name.replace(/^.*[/\\]/, '').replace(/\.txt$/i, '')
