import { loadModel, type RunOptions } from 'unrolled/browser'
import { FaultError } from './faults'
import { FollowedHistory } from './followed'
import type { RunKind } from './kept'

/** A training of the machine whose command serves this page. */
export interface MachineRun {
  name: string
  /** Its number, by which the server knows it. */
  index: number
  history: FollowedHistory
  standing: () => Promise<Standing>
}

/** What a training is, and how it stands; without sizes until it has a model. */
export interface Standing {
  state: 'running' | 'ended' | 'stopped'
  kind?: RunKind
  cell?: RunOptions['cell']
  hiddenSize?: number
  numLayers?: number
}

/** Asks the server that the page comes from. @throws FaultError if it does not answer, or the error that it tells */
async function asked(address: string, headers: Record<string, string> = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(address, { headers })
  } catch {
    throw new FaultError({ kind: 'noServer' })
  }
  if (response.ok || response.status === 416) return response
  throw new Error((await response.text()).trim())
}

/** The trainings that the command was asked to show; none where there is no command, or off line. */
export async function machineRuns(): Promise<MachineRun[]> {
  const response = await fetch('./machine/runs.json').catch(() => undefined)
  const names = response?.ok ? ((await response.json()) as string[]) : []
  return names.map((name, index) => ({
    name,
    index,
    history: new FollowedHistory(name, async (from) => {
      const response = await asked(`./machine/${index}/history.jsonl`, { range: `bytes=${from}-` })
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined
    }),
    standing: async () => (await asked(`./machine/${index}/standing.json`)).json(),
  }))
}

/** The best model of a training so far. */
export const machineModel = ({ index }: MachineRun) => loadModel(`./machine/${index}/model.zip`)
