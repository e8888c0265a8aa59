import { type HistoryEvent, loadModel, parseHistory } from 'unrolled/browser'

/** A training of the machine whose command serves this page. */
export interface MachineRun {
  name: string
  /** Its number, by which the server knows it. */
  index: number
}

/** The trainings that the command was asked to show. */
export async function machineRuns(): Promise<MachineRun[]> {
  const names = (await (await fetch('./machine/runs.json')).json()) as string[]
  return names.map((name, index) => ({ name, index }))
}

/** The events of a training so far. */
export async function machineHistory({ index, name }: MachineRun): Promise<HistoryEvent[]> {
  const response = await fetch(`./machine/${index}/history.jsonl`)
  const text = await response.text()
  if (!response.ok) throw new Error(text.trim())
  return parseHistory(text, name)
}

/** The best model of a training so far. */
export const machineModel = ({ index }: MachineRun) => loadModel(`./machine/${index}/model.zip`)
