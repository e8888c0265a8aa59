import { vi } from 'vitest'
import { runCommand } from '../src/cli/program.js'

/** Runs the command in this process, and keeps what it prints. */
export async function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr]: string[][] = [[], []]
  const keep = (into: string[]) => (chunk: unknown) => {
    into.push(String(chunk))
    return true
  }
  const line = (into: string[]) => (text: unknown) => void into.push(`${text}\n`)
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep(stdout)),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep(stderr)),
    vi.spyOn(console, 'log').mockImplementation(line(stdout)),
    vi.spyOn(console, 'error').mockImplementation(line(stderr)),
  ]
  try {
    return { code: await runCommand(args), stdout: stdout.join(''), stderr: stderr.join('') }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
