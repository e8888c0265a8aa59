import { homedir } from 'node:os'
import path from 'node:path'

/** Where what can be made again is kept: UNROLLED_CACHE, or the user's cache folder by the custom of each system. */
export function cacheFolder(): string {
  const { UNROLLED_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (UNROLLED_CACHE) return UNROLLED_CACHE
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'unrolled')
  if (process.platform === 'win32' && LOCALAPPDATA) return path.join(LOCALAPPDATA, 'unrolled', 'Cache')
  return path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'unrolled')
}
