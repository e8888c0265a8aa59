import { createRequire } from 'node:module'

/**
 * The file that a name of an installed package stands for, such as `koffi` or `dejavu-fonts-ttf/ttf/DejaVuSans.ttf`;
 * undefined where it is not installed. It is looked for from this module, which a bundler may have
 * moved or left without an address, and from the program that runs.
 */
export function installedFile(name: string): string | undefined {
  for (const place of [import.meta.url, process.argv[1]]) {
    try {
      if (place) return createRequire(place).resolve(name)
    } catch {
      // Not installed there.
    }
  }
  return undefined
}
