import { parseHTML } from 'linkedom'
import { describe, expect, test } from 'vitest'
import { linePlot, svgToPng } from './line-plot.js'

const series = (name: string, rest = {}) => ({ name, x: [1, 2, 3], y: [3, 2, 1], ...rest })
const common = { title: 'Loss', xLabel: 'step', yLabel: 'loss' }
const parsed = async (plot: Parameters<typeof linePlot>[0]) => {
  const { document } = parseHTML(await linePlot(plot))
  const all = (selector: string) => [...document.querySelectorAll(selector)]
  return { all, texts: all('text').map((text) => text.textContent) }
}

describe('line plots', () => {
  test('series of one name share a colour and a place in the legend; validation is dashed', async () => {
    const { all, texts } = await parsed({
      ...common,
      note: 'dashed: validation',
      series: [series('a'), series('a', { dashed: true }), series('b')],
    })
    const lines = all('g[aria-label="line"] path, path[aria-label="line"], g[aria-label="line"]')
    const dashed = lines.filter((line) => line.getAttribute('stroke-dasharray'))
    expect(dashed).toHaveLength(1)
    const strokes = all('g[aria-label="line"] path').map((path) => path.getAttribute('stroke'))
    expect(strokes).toHaveLength(3)
    expect(strokes[0]).toBe(strokes[1])
    expect(strokes[2]).not.toBe(strokes[0])
    expect(texts.filter((text) => text === 'a')).toHaveLength(1)
    for (const text of ['Loss', 'dashed: validation', 'b']) expect(texts).toContain(text)
  })

  test('names of any length and any letters stay within the picture and apart from each other', async () => {
    const names = ['x'.repeat(300), 'a <b> & "c"', ...Array.from({ length: 20 }, (_, i) => `runs/number-${i}`)]
    const { all } = await parsed({ ...common, series: names.map((name) => series(name)) })
    const svg = all('svg')[0]
    const [, top, width, height] = (svg.getAttribute('viewBox') ?? '').split(' ').map(Number)
    expect(Number(svg.getAttribute('height'))).toBe(height)
    const labels = all('svg > text').map((text) => {
      const [x, y] = ['x', 'y'].map((name) => Number(text.getAttribute(name)))
      return { text: text.textContent ?? '', x, y }
    })
    expect(labels.map(({ text }) => text)).toContain('a <b> & "c"')
    expect(labels.some(({ text }) => /^…x{50,}$/.test(text))).toBe(true)
    const legend = labels.filter(({ text }) => /^(…x|a <b>|runs)/.test(text))
    expect(legend).toHaveLength(names.length)
    for (const [i, { text, x, y }] of legend.entries()) {
      const end = x + 7 * text.length
      expect(end).toBeLessThanOrEqual(width)
      expect(y).toBeGreaterThan(top)
      expect(y).toBeLessThan(0)
      if (i > 0 && legend[i - 1].y === y) expect(x).toBeGreaterThan(legend[i - 1].x + 7 * legend[i - 1].text.length)
    }
  })
})

const font = await svgToPng(await linePlot({ ...common, series: [series('a')] })).catch(() => undefined)

describe('PNG', () => {
  test.skipIf(!font)(
    'is the picture at twice its size, with its text (skipped where the system has no font)',
    async () => {
      const svg = await linePlot({ ...common, series: [series('a')] })
      const height = Number(/<svg[^>]* height="(\d+)"/.exec(svg)?.[1])
      const png = Buffer.from(await svgToPng(svg))
      expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1600, 2 * height])
      const other = Buffer.from(await svgToPng(svg.replace('>Loss<', '>L0ss<')))
      expect(other.equals(png)).toBe(false)
    },
  )
})
