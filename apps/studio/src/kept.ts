import { HISTORY, type HistoryEvent, OpfsStore, parseHistory, runModel, savedRuns, zipModel } from 'unrolled/browser'
import type { ExportFormat } from 'unrolled/config'

/** A training that the browser keeps. */
export interface KeptRun {
  name: string
  epoch: number
  step: number
  perplexity: number | undefined
  heldOut: number | undefined
}

/** The events of a run so far; none if there is no such run. */
export async function historyOf(name: string): Promise<HistoryEvent[]> {
  const read = (text: Uint8Array) => parseHistory(new TextDecoder().decode(text), name)
  return (await new OpfsStore(name).read(HISTORY, async (file) => read(await file.read(0, file.size)))) ?? []
}

/** The first characters of a run's text. */
export async function beginningOf(name: string): Promise<string> {
  const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  return (await new OpfsStore(name).read('text.txt', async (file) => read(await file.read(0, 1000)))) ?? ''
}

/** All trainings that the browser keeps, in the order of their names. */
export async function keptRuns(): Promise<KeptRun[]> {
  const names = (await savedRuns.names()).sort((a, b) => a.localeCompare(b))
  return Promise.all(
    names.map(async (name) => {
      const events = await historyOf(name)
      const last = events.at(-1)
      const epoch = events.findLast((event) => event.type === 'epoch')
      const validation = events.findLast((event) => event.type === 'validation')
      return {
        name,
        epoch: last?.epoch ?? 0,
        step: last?.step ?? 0,
        perplexity: epoch?.perplexity,
        heldOut: validation?.perplexity,
      }
    }),
  )
}

/** The model of a kept run. */
export const modelOf = (name: string) => runModel(new OpfsStore(name))

/** What a model is saved as: the zip of a model folder, or a format of other frameworks. */
export type Saved = 'zip' | ExportFormat

/** Saves the model of a run as a file of the user's. */
export async function download(name: string, format: Saved): Promise<void> {
  const { model, vocab, config } = await modelOf(name)
  if (format === 'zip') return give(`${name}.zip`, await zipModel(model, vocab, config.training))
  const { exportModel } = await import('unrolled/formats')
  const files = Object.entries(await exportModel(model, vocab, format, config.training))
  for (const [file, bytes] of files) give(`${name} ${file}`, bytes)
}

function give(name: string, bytes: Uint8Array): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
