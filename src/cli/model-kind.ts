import { readFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * What the saved model in a folder works on, as its configuration says, or its checkpoint if its training is not finished. The
 * library need not be loaded for a finished one.
 */
export async function modelKindIn(folder: string): Promise<'text' | 'series' | 'labels'> {
  const config = await readFile(path.join(folder, 'config.json'), 'utf8').catch(() => undefined)
  if (config === undefined) {
    const { FolderStore, runKindIn } = await import('../node.js')
    return (await runKindIn(new FolderStore(folder)).catch(() => undefined)) ?? 'text'
  }
  const [, kind] = /"format":\s*"unrolled (series|labels)"/.exec(config) ?? []
  return (kind as 'series' | 'labels' | undefined) ?? 'text'
}
