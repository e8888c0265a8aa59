import { readdirSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** The address space that a worker reserves: 580 MB on Node 20 to 24, with a margin. */
const ADDRESSES = 768 * 2 ** 20
/** The address space and the open files that are left for the program. */
const [ADDRESSES_LEFT, FILES_LEFT] = [2 ** 30, 64]
/** The open files of a worker: 4 on Node 20 to 24, with a margin. */
const FILES = 8
/** The memory of a worker: 10 MB on Node 20 to 24, with a margin. Workers may take at most half of the machine's. */
const MEMORY = 16 * 2 ** 20

/**
 * How many workers there is room for, and what limits their number. V8 kills the whole process with a signal if it
 * cannot reserve a worker's address space, and a process that cannot open files cannot save anything. Both limits are
 * therefore checked before workers are started, on Linux, which reports them.
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
    // This is another system, or the process may not read its limits.
  }
  return rooms.reduce((least, room) => (room.workers < least.workers ? room : least))
}
