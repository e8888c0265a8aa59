import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * When a process began, in the system's own words (Linux: field 22 of /proc/PID/stat), which tells it from a later
 * process of the same number; '' where the system does not say.
 */
export function beginOf(pid: number | 'self'): string {
  const text = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

/**
 * Whether the process that has this number and began at this time still runs on this machine. Where one of the two
 * times is not known, the number alone decides.
 */
export function isAlive(pid: number, began: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = beginOf(pid)
  return now === '' || began === '' || now === began
}

/** Eight hexadecimal digits for where this process's number means something: the machine, and the container. */
export const hostMark = (): string =>
  createHash('sha256')
    .update(`${hostname()} ${orEmpty(() => readlinkSync('/proc/self/ns/pid'))}`)
    .digest('hex')
    .slice(0, 8)

function orEmpty(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
