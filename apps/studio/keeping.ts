import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

/** The service worker's file in the studio and in the documentation. */
export const SERVICE_WORKER = 'service-worker.js'

/**
 * The service worker of a page: service-worker.ts, with the names of the files that it keeps.
 * @param files with / between folders; what the server makes anew each time, such as the trainings of a machine, is left out
 * @param version a name for exactly these files
 */
export function serviceWorkerOf(files: readonly string[], version: string): string {
  const kept = files.filter((file) => file !== SERVICE_WORKER && !file.startsWith('machine/'))
  const { outputFiles } = buildSync({
    entryPoints: [path.join(path.dirname(fileURLToPath(import.meta.url)), 'service-worker.ts')],
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    define: { FILES: JSON.stringify(kept), VERSION: JSON.stringify(version) },
  })
  return outputFiles[0].text
}
