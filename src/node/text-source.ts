import path from 'node:path'
import { DataError, OptionError } from '../core/errors.js'
import { loadBytePairs } from '../data/byte-pairs.js'
import { encodeString } from '../data/load.js'
import type { TextSource } from '../run/run-text.js'
import { type CorpusOptions, checkCorpusOptions, loadCorpus } from './load-corpus.js'
import { openSources, type Sources } from './sources.js'
import { type FindOptions, type FoundText, findTimeMachine, readMobyDick } from './time-machine.js'

/**
 * Texts in files for a run: files, directories, patterns, and `-`, standard input, as for `loadCorpus`.
 * Standard input is read only once, even if the texts are read again.
 */
export function fileTexts(
  sources: string | readonly string[],
  options: Pick<CorpusOptions, 'cacheDir' | 'onProgress' | 'stdin'> = {},
): TextSource {
  const names = typeof sources === 'string' ? [sources] : sources
  let opened: Sources | undefined
  return {
    names: names.map((name) => (name === '-' ? name : path.resolve(name))),
    async read(how, vocab, signal) {
      checkCorpusOptions({ ...how, vocab }, 'loadCorpus')
      opened ??= await openSources(names, 'loadCorpus', { ...options, signal })
      return loadCorpus(opened, { ...options, ...how, vocab, signal })
    },
    async close() {
      await opened?.close()
      opened = undefined
    },
  }
}

/** The name of the novel that comes with the package, under which the studio records it. */
export const MOBY_DICK = 'Moby Dick'

/** The novel that comes with the package, for a run. */
export function mobyDickText(): TextSource {
  return {
    names: [MOBY_DICK],
    async read({ encoding: _, ...how }, vocab) {
      const text = await readMobyDick()
      if (text === undefined) throw new DataError(`mobyDickText: the package's data/moby-dick.txt.br is missing`)
      if (how.tokens === 'bpe') await loadBytePairs()
      return { ...encodeString(text, { ...how, vocab }, 'mobyDickText'), source: MOBY_DICK }
    },
  }
}

/** The text that `findTimeMachine` finds. */
export interface BookSource extends TextSource {
  /** The title of the book that was found. */
  title(signal?: AbortSignal): Promise<string>
}

/** *The Time Machine*, as `findTimeMachine` finds it, for a run. */
export function timeMachineText(options: FindOptions = {}): BookSource {
  let found: FoundText | undefined
  const find = async (signal = options.signal) => {
    found ??= await findTimeMachine({ ...options, signal })
    return found
  }
  return {
    names: [],
    title: async (signal) => (await find(signal)).title,
    async read({ encoding, ...how }, vocab, signal) {
      if (encoding !== undefined) {
        throw new OptionError('timeMachineText: encoding goes with a text, expected one to be named', ['encoding'])
      }
      const { text, source } = await find(signal)
      if (how.tokens === 'bpe') await loadBytePairs()
      return { ...encodeString(text, { ...how, vocab }, 'timeMachineText'), source }
    },
  }
}
