import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { OptionError } from '../core/errors.js'

let ready: Promise<typeof import('@resvg/resvg-wasm')> | undefined

/** An SVG as a PNG file, its width in pixels. @throws OptionError where the libraries that it takes are not installed */
export async function pngOf(svg: string, width = 1600): Promise<Uint8Array> {
  const { resolve } = createRequire(import.meta.url)
  try {
    ready ??= import('@resvg/resvg-wasm').then(async (resvg) => {
      await resvg.initWasm(await readFile(resolve('@resvg/resvg-wasm/index_bg.wasm')))
      return resvg
    })
    const { Resvg } = await ready
    // A font of our own: not every machine has one.
    const fonts = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) =>
      readFile(resolve(`dejavu-fonts-ttf/ttf/${name}`)),
    )
    const family = 'DejaVu Sans'
    const font = { fontBuffers: await Promise.all(fonts), defaultFontFamily: family, sansSerifFamily: family }
    return new Resvg(svg, { fitTo: { mode: 'width', value: width }, font }).render().asPng()
  } catch (error) {
    if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    throw new OptionError(
      'plot: a PNG takes the packages @resvg/resvg-wasm and dejavu-fonts-ttf, which are missing; install them with npm install @resvg/resvg-wasm dejavu-fonts-ttf, or write an .svg file',
    )
  }
}
