// The sides of the comparison: processes that receive a job and answer with milliseconds.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
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

/** Starts this library. @param folder another checkout of it */
export const startUnrolled = (node: string, folder = fileOf('..')) =>
  start(node, [`${folder}/bench/peers/unrolled.mjs`])

/** Starts PyTorch in the Python that PYTHON names (Debian: python3-torch libopenblas0-pthread). */
export const startTorch = () => start(process.env.PYTHON ?? '/usr/bin/python3', [fileOf('peers/pytorch.py')])

/** A Python with the packages of PyPI, in which PyTorch is the current one: bench/python, or what PYPI_PYTHON names. */
const current = process.env.PYPI_PYTHON ?? fileOf('python/bin/python')

/** Starts the current PyTorch. */
export const startCurrentTorch = () => start(current, [fileOf('peers/pytorch.py')])

/** Starts JAX. */
export const startJax = () => start(current, [fileOf('peers/jax_scan.py')])

/** Builds and starts oneDNN's side (Debian: libdnnl-dev g++). */
export async function startOneDnn(): Promise<Peer | undefined> {
  const program = fileOf('results/onednn')
  mkdirSync(fileOf('results'), { recursive: true })
  const flags = ['-O2', '-std=c++17', '-fopenmp', fileOf('peers/onednn.cpp'), '-ldnnl', '-o', program]
  try {
    execFileSync('g++', flags, { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return start(program, [])
}

export async function startTensorFlow(): Promise<Peer | undefined> {
  if (!existsSync(fileOf('tfjs/node_modules'))) return undefined
  return start(process.execPath, [fileOf('tfjs/peer.mjs')])
}
