import { createRequire } from 'node:module'

/**
 * Resolves a name in an installed package, such as `koffi` or `dejavu-fonts-ttf/ttf/DejaVuSans.ttf`, to a file; returns
 * undefined if it is not installed. The search starts at this module, which a bundler may have moved or left without an
 * address, and then at the main program.
 */
export function installedFile(name: string): string | undefined {
  for (const place of [import.meta.url, process.argv[1]]) {
    try {
      if (place) return createRequire(place).resolve(name)
    } catch {
      // The package is not installed there.
    }
  }
  return undefined
}
