import path from 'node:path'
import { DataError, isRefusal, whyNotWritten } from '../config.js'
import { svgToPng, writeFileAtomic } from '../node.js'

/**
 * Writes a result, whole or not at all.
 * @throws DataError that names the file: the system's own sentences name a temporary one, or none
 */
export async function writeOut(file: string, data: string | Uint8Array): Promise<void> {
  try {
    await writeFileAtomic(file, data)
  } catch (error) {
    if (!isRefusal(error)) throw error
    throw new DataError(
      `${file}: the file cannot be written, because ${whyNotWritten(error as Error)}; make room, or choose another place`,
    )
  }
}

/** Writes a picture as the ending of its name says. */
export async function writePicture(file: string, svg: string): Promise<void> {
  const isPng = path.extname(file).toLowerCase() === '.png'
  await writeOut(file, isPng ? await svgToPng(svg) : svg)
}
