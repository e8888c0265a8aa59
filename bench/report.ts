// Reports figures as lines, in docs/performance.md, and as plots.
import { readFileSync, writeFileSync } from 'node:fs'
import { linePlot } from 'unrolled'
import { type Case, cells, numSteps, trainingOperations } from './cases.js'

/** The rounds of one side: milliseconds. */
export interface Spread {
  min: number
  median: number
  max: number
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1)! }
}

/** How far a side's rounds are from its fastest, as a part of it. */
const spreadIn = ({ min, median }: Spread): number => median / min - 1

/** A side whose median is this far from its fastest round was disturbed by other work. */
const NOISY = 0.1

export interface Measured extends Case {
  /** Milliseconds per training step or token, by side; `wasm/2` is on two threads, `wasm/2@20` under Node 20. */
  ms: Record<string, Spread>
}

export interface Report {
  date: string
  machine: string
  threads: number
  /** The machine's load average when the run began. */
  load: number
  versions: string[]
  /** GFLOPS of all threads: multiply-adds alone in WebAssembly, and large products in the BLAS. */
  peak: number | null
  product: number | null
  results: Measured[]
}

/** How quiet the machine was, in a sentence. */
export function noisy({ results, load }: Report): string {
  const all = results.flatMap(({ ms }) => Object.values(ms))
  const count = all.filter((side) => spreadIn(side) > NOISY).length
  const share = `${count} of ${all.length} figures are medians more than ${NOISY * 100} % above their fastest round`
  const verdict = count > all.length / 10 ? 'the machine was busy, so measure again' : 'the machine was quiet'
  return `${share}, and the load was ${load.toFixed(1)} at the beginning: ${verdict}.`
}

/** How much faster the main side is than its variants, by their medians. */
export function comparisons({ ms }: Measured, variants: readonly string[]): string[] {
  return variants.flatMap((at) => {
    const ratios = Object.entries(ms).flatMap(([name, { median }]) => {
      const other = ms[`${name}${at}`]
      return other ? [`${name} ${(other.median / median).toFixed(2)}×`] : []
    })
    return ratios.length > 0 ? [`${at.slice(1)}: ${ratios.join(', ')} its time`] : []
  })
}

interface Summary {
  wasm: number
  blas?: number
  torch?: number
  /** The current PyTorch. */
  current?: number
  jax?: number
  tfjs?: number
  /** Its layer alone, forward and backward. */
  oneDnn?: number
  /** A time relative to PyTorch's at its better number of threads. */
  ratio: (ms: number | undefined) => string
  scaling: string
  shareOfPeak: string
  shareOfProduct: string
}

function summarize({ ms: spreads, ...one }: Measured, { threads, peak, product }: Report): Summary {
  const ms = Object.fromEntries(Object.entries(spreads).map(([side, { median }]) => [side, median]))
  const least = (side: string) => {
    const times = Object.entries(ms).flatMap(([name, value]) => (name.startsWith(side) ? [value] : []))
    return times.length > 0 ? Math.min(...times) : undefined
  }
  const torch = least('torch')
  const [wasm, blas] = [ms[`wasm/${threads}`], ms[`blas/${threads}`]]
  const share = (value: number | undefined, limit: number | null) => {
    if (one.job !== 'train' || !value || !limit) return '–'
    return `${((trainingOperations(one) / 1e6 / value / limit) * 100).toFixed(0)} %`
  }
  return {
    wasm,
    blas,
    torch,
    current: least('current'),
    jax: ms.jax,
    tfjs: ms.tfjs,
    oneDnn: least('onednn'),
    ratio: (value) => (value && torch ? `${(torch / value).toFixed(2)}×` : '–'),
    scaling: ms['wasm/1'] && threads > 1 ? `${(ms['wasm/1'] / wasm).toFixed(2)}×` : '–',
    shareOfPeak: share(wasm, peak),
    shareOfProduct: share(blas, product),
  }
}

const perSecond = (one: Case, ms: number) =>
  Math.round((one.job === 'train' ? one.batch * numSteps * 1000 : 1000) / ms).toLocaleString('en')
const show = (ms: number | undefined) => (ms === undefined ? '–' : ms < 0.1 ? ms.toFixed(4) : ms.toFixed(2))

/** The sizes of a case, for people. */
const sizesOf = ({ hidden, batch, layers }: Case): string =>
  `${hidden}, batch ${batch}${layers > 1 ? `, ${layers} layers` : ''}`

/** One case as a line. */
export function row(measured: Measured, report: Report): string {
  const { job, cell } = measured
  const { wasm, blas, torch, current, jax, tfjs, oneDnn, ratio, scaling, shareOfPeak, shareOfProduct } = summarize(
    measured,
    report,
  )
  const name = `${job} ${cell} ${sizesOf(measured)}:`
  const sides = [
    `WASM ${show(wasm)} ms (${ratio(wasm)} PyTorch, ${scaling} one thread, ${shareOfPeak} of the peak)`,
    `BLAS ${show(blas)} (${ratio(blas)}, ${shareOfProduct} of a product)`,
    `PyTorch ${show(torch)}`,
  ]
  if (current) sides.push(`current PyTorch ${show(current)}`)
  if (jax) sides.push(`JAX ${show(jax)}`)
  if (oneDnn) sides.push(`oneDNN's layer ${show(oneDnn)}`)
  if (tfjs) sides.push(`TensorFlow.js ${show(tfjs)} (WASM ${(tfjs / wasm).toFixed(0)}× faster)`)
  return `${name} ${sides.join('; ')}`
}

/** Where the time of a step goes, as a line. @param ms milliseconds by kind */
export function profileRow({ cell, hidden, batch }: Case, threads: number, ms: Record<string, number>): string {
  const total = Object.values(ms).reduce((sum, value) => sum + value)
  const kinds = Object.entries(ms).sort(([, a], [, b]) => b - a)
  const shares = kinds.map(([kind, value]) => `${kind} ${show(value)} (${((value / total) * 100).toFixed(1)} %)`)
  return `${cell} ${hidden}, batch ${batch}, ${threads} threads: ${total.toFixed(2)} ms: ${shares.join(', ')}`
}

/** Writes docs/performance.md between its marks, and the plots; returns the files. */
export async function writeDocs(report: Report): Promise<string[]> {
  const file = 'docs/performance.md'
  const text = readFileSync(file, 'utf8')
  const [start, end] = ['<!-- figures -->', '<!-- end of figures -->']
  const before = text.slice(0, text.indexOf(start) + start.length)
  writeFileSync(file, `${before}\n\n${tables(report)}\n${text.slice(text.indexOf(end))}`)
  const files = [file]
  for (const cell of cells) {
    const plot = `docs/performance-${cell}.svg`
    writeFileSync(plot, await plotOf(cell, report))
    files.push(plot)
  }
  return files
}

function tables(report: Report): string {
  const { date, machine, versions, threads, peak, product, results } = report
  const lines = [
    `Measured ${date} on ${machine}; ${versions.join('; ')}. At full load on ${threads} threads, multiply-adds alone in`,
    `WebAssembly reach ${peak?.toFixed(0)} GFLOPS, products of large matrices in the BLAS ${product?.toFixed(0) ?? '–'}.`,
    noisy(report),
  ]
  for (const job of ['train', 'generate'] as const) {
    const training = job === 'train'
    lines.push('', training ? '### Training' : '### Generation', '')
    lines.push(
      training
        ? '| model | WASM ms | tokens/s | to one thread | of peak | to PyTorch | BLAS ms | tokens/s | of product | to PyTorch | PyTorch ms | current PyTorch ms | JAX ms | oneDNN layer ms | TensorFlow.js ms |'
        : '| model | WASM tokens/s | to PyTorch | BLAS tokens/s | to PyTorch | PyTorch tokens/s | current PyTorch tokens/s | JAX tokens/s |',
      training ? `| --- |${' --- |'.repeat(14)}` : `| --- |${' --- |'.repeat(7)}`,
    )
    for (const measured of results.filter((result) => result.job === job)) {
      const s = summarize(measured, report)
      const rate = (ms: number | undefined) => (ms ? perSecond(measured, ms) : '–')
      const name = `${measured.cell.toUpperCase()} ${sizesOf(measured)}`
      const cellsOf = training
        ? [show(s.wasm), rate(s.wasm), s.scaling, s.shareOfPeak, s.ratio(s.wasm)].concat([
            show(s.blas),
            rate(s.blas),
            s.shareOfProduct,
            s.ratio(s.blas),
            show(s.torch),
            show(s.current),
            show(s.jax),
            show(s.oneDnn),
            show(s.tfjs),
          ])
        : [rate(s.wasm), s.ratio(s.wasm), rate(s.blas), s.ratio(s.blas), rate(s.torch), rate(s.current), rate(s.jax)]
      lines.push(`| ${[name, ...cellsOf].join(' | ')} |`)
    }
  }
  return `${[...lines, ...variantTable(report)].join('\n')}\n`
}

/** The times of this library under several Nodes, if it was measured under several. */
function variantTable({ results, threads, versions }: Report): string[] {
  const sides = [`wasm/${threads}`, `blas/${threads}`]
  const names = [...new Set(results.flatMap(({ ms }) => Object.keys(ms)))]
  const variants = ['', ...new Set(names.flatMap((name) => /@.*$/.exec(name)?.[0] ?? []))]
  if (variants.length === 1) return []
  const titleOf = (side: string, at: string) =>
    `${side.startsWith('wasm') ? 'WASM' : 'BLAS'}, ${at ? `Node ${at.slice(1)}` : versions[0].replace(/^(Node) v(\d+).*/, '$1 $2')}`
  const columns = sides.flatMap((side) => variants.map((at) => ({ key: `${side}${at}`, title: titleOf(side, at) })))
  const rows = results.map((measured) => {
    const { job, cell, ms } = measured
    const name = `${job}, ${cell.toUpperCase()} ${sizesOf(measured)}`
    const times = columns.map(({ key }) => show(ms[key]?.median))
    return `| ${[name, ...times].join(' | ')} |`
  })
  const head = ['ms a step or token', ...columns.map(({ title }) => title)]
  return [
    '',
    '### Under several Nodes',
    '',
    `| ${head.join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...rows,
  ]
}

/** The sides of the plots. */
const names = {
  blas: 'Unrolled, BLAS',
  wasm: 'Unrolled, WASM',
  torch: 'PyTorch',
  current: 'current PyTorch',
  jax: 'JAX',
  tfjs: 'TensorFlow.js',
}

/** Tokens per second over hidden units, one layer, batch 32. */
function plotOf(cell: string, report: Report): Promise<string> {
  const cases = report.results.filter(
    (one) => one.job === 'train' && one.cell === cell && one.batch === 32 && one.layers === 1,
  )
  const series = (['blas', 'wasm', 'torch', 'current', 'jax', 'tfjs'] as const).map((side) => {
    const points = cases.flatMap((one) => {
      const ms = summarize(one, report)[side]
      return ms ? [[one.hidden, (one.batch * numSteps * 1000) / ms]] : []
    })
    const name = names[side]
    return { name, x: points.map(([x]) => x), y: points.map(([, y]) => y) }
  })
  return linePlot({
    title: `${cell.toUpperCase()} training, batch 32, ${numSteps} steps`,
    xLabel: 'hidden units',
    yLabel: 'tokens per second',
    yScale: 'log',
    series: series.filter(({ x }) => x.length > 0),
  })
}
