import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { views } from '../studio/src/views.js'

/** What a look at all links of a site found. */
export interface LinkReport {
  /** The number of links, pictures, scripts and styles. */
  checked: number
  /** A sentence for each that leads nowhere. */
  broken: string[]
}

/** Follows every address in the pages of a folder: to files, to anchors, and to the studio's views. Others need only be addresses. */
export function checkLinks(folder: string): LinkReport {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => file.split(path.sep).join('/'))
  const known = new Set(files)
  const texts = new Map(
    files.filter((file) => file.endsWith('.html')).map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]),
  )
  const valuesOf = (html: string, name: string) =>
    [...html.matchAll(new RegExp(`<[a-z][^>]*? ${name}="([^"]*)"`, 'g'))].map(([, value]) =>
      value.replaceAll('&amp;', '&'),
    )
  const anchors = new Map([...texts].map(([file, html]) => [file, new Set(valuesOf(html, 'id'))]))
  const report: LinkReport = { checked: 0, broken: [] }
  for (const [file, html] of texts) {
    for (const link of [...valuesOf(html, 'href'), ...valuesOf(html, 'src')]) {
      report.checked++
      const wrong = problemOf(link, file)
      if (wrong) report.broken.push(`${file}: ${link} ${wrong}`)
    }
  }
  return report

  function problemOf(link: string, file: string): string | undefined {
    if (/^https?:/.test(link)) return URL.canParse(link) ? undefined : 'is not an address'
    if (/^([a-z]+:|\/)/i.test(link)) return 'works on one host only, expected an address from the page'
    const [name, anchor] = link.split('#')
    const target = name === '' ? file : path.posix.join(path.posix.dirname(file), name)
    if (!known.has(target)) return 'leads to no file'
    if (anchor === undefined) return undefined
    if (target === 'index.html') {
      const view = /^\/(\w+)/.exec(anchor)?.[1]
      return views.some((one) => one === view) ? undefined : 'leads to no view'
    }
    return anchors.get(target)?.has(decodeURIComponent(anchor)) ? undefined : 'leads to no such place in the page'
  }
}
