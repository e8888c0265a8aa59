import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** What the saved model in a folder works on, as its configuration says. The library need not be loaded for that. */
export async function modelKindIn(folder: string): Promise<'text' | 'series' | 'labels'> {
  const config = await readFile(path.join(folder, 'config.json'), 'utf8').catch(() => '')
  const [, kind] = /"format":\s*"unrolled (series|labels)"/.exec(config) ?? []
  return (kind as 'series' | 'labels' | undefined) ?? 'text'
}
