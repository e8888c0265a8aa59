import {
  BEST,
  CHECKPOINT,
  HISTORY,
  type LoadedModel,
  OpfsStore,
  runModel,
  savedModels,
  savedRuns,
  zipModel,
} from 'unrolled/browser'
import type { ExportFormat } from 'unrolled/config'
import { FollowedHistory } from './followed'
import { columnsOf, type SeriesColumns } from './series/setup'

/** What trainings are on. Of labels, there are only trainings of the machine. */
export const runKinds = ['text', 'series', 'labels'] as const
export type RunKind = (typeof runKinds)[number]

/** A training that the browser keeps. */
export interface KeptRun {
  name: string
  kind: RunKind
  epoch: number
  /** The epochs that it is to have. */
  epochs: number
  step: number
  /** What it has reached, and on what was held out, in the measure of its kind. */
  reached: number | undefined
  heldOut: number | undefined
  /** The epoch of its model: that of the lowest loss of the held-out text; undefined where nothing is held out. */
  best: number | undefined
  /** Whether it has a checkpoint or a model. */
  hasModel: boolean
  /** Whether it can go on where it stopped, without more epochs. */
  unfinished: boolean
  /** What is known of a model of series that was opened from files, not trained here; undefined for trainings. */
  opened: OpenedForecaster | undefined
}

/** A model of series that was opened from files. It is kept as a run is, but has no history. */
export interface OpenedForecaster {
  targets: string[]
  /** The columns that a table must have for it. */
  columns: string[]
  /** Whether the table must have dates, too, under any of their usual names. */
  dated: boolean
  window: number
  horizon: number
  /** The name of the table that it was given, if any. */
  table: string | undefined
}

/** The file of a run with its text, or with its table; and with the name of the table of a model that was opened. */
const [TEXT, TABLE, TABLE_NAME] = ['text.txt', 'table.csv', 'table name.txt']
const CONFIG = 'config.json'

const inOrder = (names: string[]): string[] => names.sort((a, b) => a.localeCompare(b))

/** The first of a name, `name (2)`, `name (3)`, … that is not taken. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name
  for (let i = 2; ; i++) if (!taken.includes(`${name} (${i})`)) return `${name} (${i})`
}

/** The history of a run, which may grow. */
export const historyOf = (name: string): FollowedHistory =>
  new FollowedHistory(name, (from) =>
    new OpfsStore(name).read(HISTORY, async (file) => file.read(from, file.size - from)),
  )

const filesOf = (name: string): Promise<string[]> => new OpfsStore(name).names()

/** Whether a run has left a model, or a checkpoint with one. */
export const hasModel = async (name: string): Promise<boolean> =>
  (await filesOf(name)).some((file) => [CHECKPOINT, BEST, CONFIG].includes(file))

/** Whether the files of a run are those of a model of series that was opened. */
const areOpened = (files: readonly string[]): boolean =>
  files.includes(CONFIG) && ![HISTORY, TEXT].some((file) => files.includes(file))

/** Whether a kept run is a model of series that was opened. */
export const isOpened = async (name: string): Promise<boolean> => areOpened(await filesOf(name))

const kindOf = (files: readonly string[]): 'text' | 'series' =>
  files.includes(TABLE) || areOpened(files) ? 'series' : 'text'

/** Whether a run is on series of numbers. */
export const isOnSeries = async (name: string): Promise<boolean> => kindOf(await filesOf(name)) === 'series'

/** The table of a run on series; without a name if it is the one that the run is trained on. */
export async function tableOf(name: string): Promise<File> {
  const bytes = await new OpfsStore(name).read(TABLE, (file) => file.read(0, file.size))
  return new File([bytes as Uint8Array<ArrayBuffer>], (await textIn(name, TABLE_NAME)) ?? '')
}

/** Keeps a table with a model that was opened, in place of the one before. */
export async function keepTable(name: string, table: File): Promise<void> {
  const store = new OpfsStore(name)
  await store.write(TABLE_NAME, new TextEncoder().encode(table.name))
  await store.write(TABLE, new Uint8Array(await table.arrayBuffer()))
}

async function textIn(name: string, file: string): Promise<string | undefined> {
  const bytes = await new OpfsStore(name).read(file, (source) => source.read(0, source.size))
  return bytes && new TextDecoder().decode(bytes)
}

async function openedForecaster(name: string, files: readonly string[]): Promise<OpenedForecaster> {
  const { spec } = JSON.parse((await textIn(name, CONFIG))!) as {
    spec: { targets: string[]; read: SeriesColumns; window: number; horizon: number; step?: unknown }
  }
  const { targets, read, window, horizon, step } = spec
  const dated = step !== undefined && read.dateColumn === undefined
  const table = files.includes(TABLE) ? await textIn(name, TABLE_NAME) : undefined
  return { targets, columns: columnsOf(read), dated, window, horizon, table }
}

/** The text that a run is trained on. */
export async function textOf(name: string): Promise<string> {
  const bytes = await new OpfsStore(name).read(TEXT, (file) => file.read(0, file.size))
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/** So many characters from the beginning of the text that a run is trained on, in one line; undefined if it is not kept. */
export async function beginningOf(name: string, characters: number): Promise<string | undefined> {
  const bytes = await new OpfsStore(name).read(TEXT, (file) => file.read(0, Math.min(file.size, 10 * characters)))
  // The last character may be cut.
  const text = bytes && new TextDecoder().decode(bytes, { stream: true }).replace(/\s+/g, ' ').trimStart()
  return text ? [...text].slice(0, characters).join('').trimEnd() : undefined
}

/** The names of the runs that the browser keeps. */
export const runNames = async (): Promise<string[]> => inOrder(await savedRuns.names())

/** The names of those on texts, whose models can be looked into, and write. */
export async function textRunNames(): Promise<string[]> {
  const runs = await filesOfRuns()
  return runs.filter(({ files }) => kindOf(files) === 'text').map(({ name }) => name)
}

/** The names of trainings, and of models of series that were opened and have a table to look at. */
export async function seenRunNames(): Promise<{ run: string[]; opened: string[] }> {
  const runs = await filesOfRuns()
  const [trained, opened] = [false, true].map((is) => runs.filter(({ files }) => areOpened(files) === is))
  return {
    run: trained.map(({ name }) => name),
    opened: opened.filter(({ files }) => files.includes(TABLE)).map(({ name }) => name),
  }
}

const filesOfRuns = async (): Promise<{ name: string; files: string[] }[]> =>
  Promise.all((await runNames()).map(async (name) => ({ name, files: await filesOf(name) })))

/** The names of the models that the browser keeps, besides those of runs. */
export const modelNames = async (): Promise<string[]> => inOrder(await savedModels.names())

/** All trainings that the browser keeps, in the order of their names. */
export async function keptRuns(): Promise<KeptRun[]> {
  return Promise.all((await runNames()).map(keptRun))
}

/** The measure of a kind of trainings: the perplexity of texts, and else the loss. */
export const reached = (kind: RunKind, event?: { loss: number; perplexity: number }): number | undefined =>
  kind === 'text' ? event?.perplexity : event?.loss

/** A training that the browser keeps. */
export async function keptRun(name: string): Promise<KeptRun> {
  const files = await filesOf(name)
  const isResumable = files.includes(CHECKPOINT)
  const kind = kindOf(files)
  const events = await historyOf(name).events()
  const epoch = events.findLast((event) => event.type === 'epoch')
  const planned = events.findLast(
    (event) => event.type === 'epoch' || (event.type === 'resume' && 'epochs' in event.options),
  )
  const epochs = Number(planned?.type === 'resume' ? planned.options.epochs : (epoch?.epochs ?? 0))
  return {
    ...{ name, kind },
    epoch: events.at(-1)?.epoch ?? 0,
    epochs,
    step: events.at(-1)?.step ?? 0,
    reached: reached(kind, epoch),
    heldOut: reached(
      kind,
      events.findLast((event) => event.type === 'validation'),
    ),
    best: events.findLast((event) => event.type === 'validation' && event.best)?.epoch,
    hasModel: await hasModel(name),
    unfinished: isResumable && (epoch === undefined || epoch.epoch < epochs),
    opened: areOpened(files) ? await openedForecaster(name, files) : undefined,
  }
}

/** The model of a kept run. */
export const modelOf = (name: string): Promise<LoadedModel> => runModel(new OpfsStore(name))

/** What a model is saved as: the zip of a model folder, or a format of other frameworks. */
export type Saved = 'zip' | ExportFormat

/** Saves a model as files of the user's. */
export async function download(name: string, load: () => Promise<LoadedModel>, format: Saved): Promise<void> {
  const { model, vocab, config } = await load()
  if (format === 'zip') return give(`${name}.zip`, await zipModel(model, vocab, config.training))
  const { exportModel, zipFiles } = await import('unrolled/formats')
  const files = await exportModel(model, vocab, format, config.training)
  const [[file, bytes], ...others] = Object.entries(files)
  // Files that name each other must keep their names.
  if (others.length > 0) give(`${name} ${format}.zip`, zipFiles(files))
  else give(`${name} ${file}`, bytes)
}

/** Saves bytes as a file of the user's. */
export function give(name: string, bytes: Uint8Array): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
