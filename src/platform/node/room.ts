import { readdirSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** Address space that a worker reserves: 580 MB on Node 20 to 24, and some to spare. */
const ADDRESSES = 768 * 2 ** 20
/** Address space, and open files, that are left to the program. */
const [ADDRESSES_LEFT, FILES_LEFT] = [2 ** 30, 64]
/** Open files of a worker: 4 on Node 20 to 24, and some to spare. */
const FILES = 8
/** Memory that a worker takes: 10 MB on Node 20 to 24, and some to spare. At most half of the machine's is theirs. */
const MEMORY = 16 * 2 ** 20

/**
 * How many workers there is room for, and what limits their number. V8 ends the whole process, by a signal, where a
 * worker's address space cannot be reserved, and a process without files to open can save nothing; so both are found out
 * before workers are started, where the system tells: on Linux.
 */
export function roomForWorkers(): { workers: number; limit: string } {
  const rooms = [{ workers: Infinity, limit: '' }]
  const add = (room: number, each: number, limit: string) =>
    rooms.push({ workers: Math.max(0, Math.floor(room / each)), limit })
  const memory = Math.min(process.constrainedMemory?.() || Infinity, totalmem())
  add(memory / 2, MEMORY, 'memory')
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const soft = (name: string) => Number(limits.match(new RegExp(`^${name} +(\\d+)`, 'm'))?.[1] ?? Infinity)
    const size = Number(readFileSync('/proc/self/status', 'utf8').match(/^VmSize:\s*(\d+)/m)?.[1] ?? 0) * 1024
    add(soft('Max address space') - size - ADDRESSES_LEFT, ADDRESSES, 'address space, ulimit -v')
    add(soft('Max open files') - readdirSync('/proc/self/fd').length - FILES_LEFT, FILES, 'open files, ulimit -n')
  } catch {
    // Another system, or a process that may not read its limits.
  }
  return rooms.reduce((least, room) => (room.workers < least.workers ? room : least))
}
