import { checkOptions } from '../../core/check-options.js'
import { DataError, UnrolledError } from '../../core/errors.js'
import type { Corpus } from '../../data/sequences.js'
import { checkForPyTorch } from '../../formats/for-pytorch.js'
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
 * @throws DataError if the store holds no run, or if the text is a different one, or for a GRU that PyTorch does not
 *   have; FormatError for a damaged checkpoint
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
  checkForPyTorch(where, config)
  const best = await bestModel(store, saved)
  const events = await store.read(HISTORY, (file) => file.read(0, Math.min(file.size, record.historyBytes)))
  const history = wholeLines(events ?? new Uint8Array())
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

Made by \`unrolled export\` after step ${step}.

- the model: ${cell}, layers × hidden units ${numLayers} × ${hiddenSize}, ${vocabSize} tokens
- the training: sequences × tokens in a batch ${batchSize} × ${numSteps}, ${optimizer}, ${epochs} epochs

It needs Python 3.9 and PyTorch 1.13, or newer, and nothing else. On one machine, with two processes:

    torchrun --nproc_per_node=2 train.py

On eight machines that each have a copy of this folder, where N is 0 on the machine HOST and 1 to 7 on the others:

    torchrun --nnodes=8 --node_rank=N --master_addr=HOST --nproc_per_node=1 train.py

(PyTorch 1.13 under Python 3.11, as in Debian 12, needs \`--redirects 1 --tee 1\` before \`train.py\`, or it does not start.)

The processes share each batch: the number of its sequences must be a multiple of theirs, and the training is then the same
with any number of them, except for what dropout draws. \`--batch-size\` makes the batch larger, which begins the epoch
again; \`--lr\` and \`--epochs\` change these.

The first process of HOST saves checkpoint.safetensors once a minute, at the end, and after Ctrl-C. \`train.py\` goes on from
it, and so does \`unrolled train --resume\`, where the text is. \`unrolled generate\` and \`loadModel\` read this folder as it is,
and \`unrolled plot\` shows its curve.
`
