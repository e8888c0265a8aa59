import { homedir } from 'node:os'
import path from 'node:path'

/** The folder for files that can be made again: UNROLLED_CACHE, or the user's usual cache folder on each system. */
export function cacheFolder(): string {
  const { UNROLLED_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (UNROLLED_CACHE) return UNROLLED_CACHE
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'unrolled')
  if (process.platform === 'win32' && LOCALAPPDATA) return path.join(LOCALAPPDATA, 'unrolled', 'Cache')
  return path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'unrolled')
}
