// The sides of the comparison: processes that receive a job and answer with milliseconds.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const fileOf = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url))

export interface Peer {
  version: string
  /** The answer; null if the side cannot do the job. */
  ask(job: object): Promise<number | null>
}

/** Starts a side; undefined if it does not start. */
export async function start(command: string, args: string[]): Promise<Peer | undefined> {
  // Variables that override OpenBLAS's own detection are removed, so that they do not affect one side alone.
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (job: object) => {
    child.stdin.write(`${JSON.stringify(job)}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`${command} ${args.join(' ')} ended while at ${JSON.stringify(job)}`)
    return JSON.parse(value)
  }
  try {
    return { version: String(await ask({ job: 'version' })), ask }
  } catch {
    return undefined
  }
}

/** The binary of another Node, from the npm package `node`. */
export function nodeBinary(major: string | undefined): string {
  if (!major) return process.execPath
  const args = ['exec', '--yes', `--package=node@${major}`, '--', 'node', '-p', 'process.execPath']
  return execFileSync('npm', args, { encoding: 'utf8' }).trim()
}

export const startUnrolled = (node: string) => start(node, [fileOf('peers/unrolled.mjs')])

/** Starts PyTorch in the Python that PYTHON names (Debian: python3-torch libopenblas0-pthread). */
export const startTorch = () => start(process.env.PYTHON ?? '/usr/bin/python3', [fileOf('peers/pytorch.py')])

export async function startTensorFlow(): Promise<Peer | undefined> {
  if (!existsSync(fileOf('tfjs/node_modules'))) return undefined
  return start(process.execPath, [fileOf('tfjs/peer.mjs')])
}
