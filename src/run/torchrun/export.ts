import { checkOptions } from '../../core/check-options.js'
import { DataError, UnrolledError } from '../../core/errors.js'
import type { Corpus } from '../../data/sequences.js'
import type { ModelConfig } from '../../formats/model-config.js'
import { underPrefix } from '../../train/progress.js'
import { encodeCheckpoint } from '../checkpoint.js'
import { wholeLines } from '../history.js'
import { resumedOptions } from '../record.js'
import { runModel } from '../run-model.js'
import type { RunOptions } from '../run-options.js'
import type { TextSource } from '../run-text.js'
import { type SavedRun, sameText, savedRun } from '../saved-run.js'
import { BEST, CHECKPOINT, checkStore, HISTORY, type RunStore } from '../store.js'
import { python } from './python.js'

/** The files of a training that goes on in PyTorch. */
export interface TorchrunExport {
  /** By name: the bytes of each file, or their parts, which can be read until `close`. */
  files: Readonly<Record<string, Uint8Array | Iterable<Uint8Array>>>
  /** Releases the run's text. */
  close(): Promise<void>
}

/**
 * A run as a folder in which PyTorch goes on with its training, on one machine or on many: programs for `torchrun`, the
 * tokens, and what the folder of a run has, so that `resumeRun` and `loadModel` read it, too, before PyTorch went on
 * and after. The store is not changed.
 * @param text the run's text, or a function that is given the recorded names of the text
 * @throws DataError if the store holds no run, or if the text is a different one; FormatError for a damaged checkpoint
 */
export async function exportTorchrun(
  store: RunStore,
  text: TextSource | ((names: readonly string[]) => TextSource),
  options: { signal?: AbortSignal } = {},
): Promise<TorchrunExport> {
  const where = 'exportTorchrun'
  checkStore(where, store)
  checkOptions(where, options, { signal: 'signal' })
  if (!(await store.names()).includes(CHECKPOINT)) {
    throw new DataError(
      `${store.name}: there is no training to go on with, expected the ${CHECKPOINT} of a run; a saved model alone has neither an optimizer nor a text, so train it first`,
    )
  }
  const saved = await savedRun(store)
  const { config, vocab, tensors, progress, record } = saved
  const best = await bestModel(store, saved)
  const history = wholeLines(
    (await store.read(HISTORY, ({ read, size }) => read(0, Math.min(size, record.historyBytes)))) ?? new Uint8Array(),
  )
  const run = { ...record, finished: false, historyBytes: history.length }
  const checkpoint = await encodeCheckpoint({ config, vocab, tensors, progress, run }, where)
  const runOptions = resumedOptions(where, record, {})
  const { train, validation, close } = await sameText(where, store, text, runOptions, saved, options.signal)
  const bytes = (content: string) => new TextEncoder().encode(content)
  return {
    files: {
      ...Object.fromEntries(Object.entries(python).map(([name, program]) => [name, bytes(program)])),
      'README.md': bytes(readme(config, runOptions, progress.step)),
      'train.bin': { [Symbol.iterator]: () => tokensOf(train, vocab.size) },
      ...(validation && { 'validation.bin': { [Symbol.iterator]: () => tokensOf(validation, vocab.size) } }),
      [HISTORY]: history,
      ...(best && { [BEST]: best }),
      [CHECKPOINT]: checkpoint,
    },
    close: async () => close?.(),
  }
}

/** The model with the lowest loss of the held-out text, if it is there: a finished run has it as its saved model. */
async function bestModel(store: RunStore, { progress: { best } }: SavedRun): Promise<Uint8Array | undefined> {
  if (!best) return undefined
  try {
    const { model, vocab, config } = await runModel(store)
    const { steps, validationLoss } = config.training ?? {}
    if (steps !== best.step || validationLoss !== best.loss) return undefined
    return await encodeCheckpoint({ config, vocab, tensors: underPrefix('model', model.stateDict()) }, BEST)
  } catch (error) {
    // The training goes on without it, and saves the next best.
    if (!(error instanceof UnrolledError)) throw error
    return undefined
  }
}

/** Tokens that are encoded at a time. */
const PART = 2 ** 20

/** Token numbers of one byte each if the vocabulary allows it, or else of four. */
function* tokensOf(corpus: Corpus, vocabSize: number): Generator<Uint8Array> {
  const Numbers = vocabSize <= 2 ** 8 ? Uint8Array : Int32Array
  for (let at = 0; at < corpus.length; at += PART) {
    yield new Uint8Array(Numbers.from(corpus.subarray(at, Math.min(at + PART, corpus.length))).buffer)
  }
}

const readme = (
  { cell, hiddenSize, numLayers, vocabSize }: ModelConfig,
  { batchSize, numSteps, optimizer, epochs }: RunOptions,
  step: number,
): string => `# A training that goes on in PyTorch

Made by \`unrolled export\` after step ${step}: ${cell}, ${numLayers} × ${hiddenSize} hidden units, ${vocabSize} tokens; batches of
${batchSize} × ${numSteps}, ${optimizer}, ${epochs} epochs. It needs Python 3.9 and PyTorch 1.13, or newer, and nothing else.

    torchrun --nproc_per_node=2 train.py                      two processes on this machine
    torchrun --nnodes=8 --nproc_per_node=1 --rdzv_backend=c10d --rdzv_endpoint=HOST:29500 train.py
                                                              on each of eight machines that have this folder

The processes share each batch of ${batchSize} sequences: the training is the same on any number of them. \`--batch-size\` makes the
batch larger, \`--lr\` and \`--epochs\` change these. The first process saves checkpoint.safetensors once a minute and at the
end; \`train.py\` goes on from it. Ctrl-C saves it, too.

Back in Unrolled, \`unrolled generate\` and \`loadModel\` read this folder as it is, \`unrolled plot\` shows its curve, and
\`unrolled train --resume\` goes on with the training, where its text is.
`
