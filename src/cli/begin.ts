import { existsSync } from 'node:fs'
import path from 'node:path'
import {
  BOOK_TOKENS,
  FolderStore,
  type LoadedModel,
  loadModel,
  maxTokensOf,
  OptionError,
  type Run,
  resumeRun,
  savedText,
  startRun,
} from '../node.js'
import { endable } from './interrupt.js'
import { checkAgainst, ownTexts } from './own-texts.js'
import { saidIn, type TrainingOptions } from './training-flags.js'
import type { HeldTexts } from './training-text.js'

/** Begins a new training. */
export async function begin(
  named: string[],
  asked: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
  held: HeldTexts,
): Promise<Run> {
  const { initFrom } = asked
  const saved = initFrom === undefined ? undefined : await loadModel(initFrom)
  const own = saved && (await savedStart(saved, named, asked, said, signal))
  const texts = own?.texts ?? named
  const isBook = texts.length === 0
  const {
    maxTokens = isBook ? BOOK_TOKENS : Infinity,
    clean = saved ? undefined : isBook,
    encoding,
  } = {
    ...own,
    ...saidIn(asked, said),
  }
  const { kernels, device } = asked
  const options = { ...saidIn(asked, said), maxTokens, clean, encoding, kernels, device }
  const text = held.open(texts)
  const store = new FolderStore(asked.out ?? freshFolder(await text.shortName(signal)))
  return startRun(store, text, options, { model: saved, signal, build: endable })
}

/** Resumes a training from its last checkpoint. */
export async function goOn(
  texts: string[],
  now: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
  held: HeldTexts,
): Promise<Run> {
  if (said.includes('out')) {
    throw new OptionError(
      'train: --out cannot be changed when a training is resumed; leave it out, or begin another with --init-from',
    )
  }
  const text = (recorded: readonly string[]) => held.open(texts.length > 0 ? texts : recorded)
  return resumeRun(new FolderStore(now.resume!), text, saidIn(now, said), { signal, build: endable })
}

/**
 * The texts of a training that begins with a saved model: those that are named, otherwise the model's own.
 * @throws OptionError for an option that contradicts the model; DataError if its own text is needed and missing
 */
async function savedStart(
  saved: LoadedModel,
  named: readonly string[],
  { initFrom, encoding: asked, ...options }: TrainingOptions,
  said: readonly string[],
  signal: AbortSignal,
): Promise<{ texts: readonly string[]; encoding?: string; maxTokens?: number }> {
  const folder = initFrom!
  checkAgainst('train', folder, savedText(saved), saidIn(options as TrainingOptions, said))
  if (named.length > 0) return { texts: named }
  return { ...(await ownTexts('train', folder, saved, signal, asked)), maxTokens: maxTokensOf(saved.config) }
}

/** A folder in runs/ that does not exist yet, so that no training replaces another's model unless asked to. */
export function freshFolder(text: string): string {
  const name = text.replace(/[*?{}[\]]+/g, '') || 'texts'
  const first = path.join('runs', name)
  let folder = first
  for (let number = 2; existsSync(folder); number++) folder = `${first}-${number}`
  return folder
}
