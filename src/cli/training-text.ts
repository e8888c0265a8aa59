import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileTexts, MOBY_DICK, mobyDickText, type TextSource, timeMachineText } from '../node.js'
import { withProgress } from './bar.js'
import { movesCursor } from './output.js'

/** The texts of a command, with a name for the folder of a training on them. */
type NamedTexts = TextSource & { shortName(signal: AbortSignal): Promise<string> }

/** The texts named on the command line, or else The Time Machine, with a view of the progress of reading. */
export function commandTexts(texts: readonly string[]): NamedTexts {
  if (texts.length === 0) return theBook()
  const isNovel = texts.length === 1 && texts[0] === MOBY_DICK && !existsSync(MOBY_DICK)
  return isNovel ? { ...mobyDickText(), shortName: async () => 'moby-dick' } : withBar(texts)
}

/**
 * The texts of one command, open until its end: a training whose device is lost reads them again, and standard input and pipes
 * end once.
 */
export class HeldTexts {
  readonly #held = new Map<string, NamedTexts>()

  /** The same source for the same names. */
  readonly open = (texts: readonly string[]): NamedTexts => {
    const names = JSON.stringify(texts)
    const held = this.#held.get(names) ?? commandTexts(texts)
    this.#held.set(names, held)
    return held
  }

  /** Removes the copies of what could be read only once. */
  async close(): Promise<void> {
    for (const held of this.#held.values()) await held.close?.()
  }
}

function withBar(texts: readonly string[]): NamedTexts {
  let update: (done: number) => void = () => {}
  const source = fileTexts(texts, { onProgress: ({ done, total }) => update(done / total) })
  return {
    names: source.names,
    shortName: async () => (texts[0] === '-' ? 'stdin' : path.parse(path.resolve(texts[0])).name),
    read: (how, vocab, signal) =>
      withProgress('reading', (show) => {
        update = show
        return source.read(how, vocab, signal)
      }),
    close: () => source.close!(),
  }
}

function theBook(): NamedTexts {
  const live = movesCursor(process.stderr)
  let shown = false
  const source = timeMachineText({
    onProgress: ({ received, total }) => {
      shown = live
      if (live) process.stderr.write(`\rdownloading: ${received}${total ? ` of ${total}` : ''} bytes\x1b[K`)
    },
  })
  return {
    names: source.names,
    shortName: async (signal) => (await source.title(signal)).toLowerCase().replace(/^the /, '').replaceAll(' ', '-'),
    async read(how, vocab, signal) {
      const text = await source.read(how, vocab, signal)
      if (shown) process.stderr.write('\r\x1b[K')
      shown = false
      return text
    },
  }
}
