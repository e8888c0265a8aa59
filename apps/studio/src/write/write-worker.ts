// Continues texts, so that the page stays responsive.
import { decodeModel, type LoadedModel, useKernels, wasmKernels } from 'unrolled/browser'
import { complete } from './complete'
import type { ToPage, ToWorker } from './messages'

// All other processors are left to the training.
useKernels(wasmKernels({ threads: 1 }))

const tell = (message: ToPage) => postMessage(message)

let model: Promise<LoadedModel>
let latest = new AbortController()

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  latest.abort()
  latest = new AbortController()
  if (data.kind === 'model') {
    model = decodeModel(data.files)
    // Each text tells why it cannot be read.
    model.catch(() => undefined)
  } else void answer(data, latest.signal)
})

async function answer({ id, text, options }: ToWorker & { kind: 'text' }, signal: AbortSignal): Promise<void> {
  try {
    const loaded = await model
    signal.throwIfAborted()
    tell({ id, made: await complete(loaded, text, options, signal) })
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string }
    if (!signal.aborted) tell({ id, error: { name, message, code } })
  }
}
