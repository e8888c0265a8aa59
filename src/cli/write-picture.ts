import path from 'node:path'
import { svgToPng, writeFileAtomic } from '../node.js'

/** Writes a picture as the ending of its name says. */
export async function writePicture(file: string, svg: string): Promise<void> {
  const isPng = path.extname(file).toLowerCase() === '.png'
  await writeFileAtomic(file, isPng ? await svgToPng(svg) : svg)
}
