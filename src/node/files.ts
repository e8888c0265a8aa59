import * as fs from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

/** Milliseconds during which a failed call is repeated. */
const PATIENCE = 5000

/**
 * Node's file functions. A call that fails because the process or the system has too many open files is repeated for a
 * few seconds, while other work closes its files.
 */
function patient<T extends (...args: never[]) => Promise<unknown>>(call: T): T {
  const tried = async (...args: Parameters<T>): Promise<unknown> => {
    const end = performance.now() + PATIENCE
    for (;;) {
      try {
        return await call(...args)
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        if (!['EMFILE', 'ENFILE'].includes(code) || performance.now() > end) throw error
        await setTimeout(20)
      }
    }
  }
  return tried as T
}

export const appendFile = patient(fs.appendFile)
export const cp = patient(fs.cp)
export const open = patient(fs.open)
export const readdir = patient(fs.readdir)
export const readFile = patient(fs.readFile)
export const rm = patient(fs.rm)
export const stat = patient(fs.stat)
export const truncate = patient(fs.truncate)
export const writeFile = patient(fs.writeFile)
