import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * When a process began, as the system reports it (Linux: field 22 of /proc/PID/stat), which tells it from a later
 * process with the same number; '' if the system does not say.
 */
export function beginOf(pid: number | 'self'): string {
  const text = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

/**
 * Whether the process that has this number and began at this time still runs on this machine. If one of the two
 * times is unknown, the number alone decides.
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

/** Eight hexadecimal digits that identify the machine and the container, within which process numbers are unique. */
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
