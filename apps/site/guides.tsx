import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Html } from './html'
import { type Example, type Heading, render, type Section } from './markdown'
import type { Page } from './page'
import { addressOfGuide, fromPage, type Guide, guides } from './plan'
import type { PublicNames } from './reference/names'

/** A guide as a page, with what can be found and run in it. */
export interface WrittenPage extends Page {
  sections: readonly Section[]
  examples: readonly Example[]
}

/** Pages of all guides, and the pictures that they show: files of the repository by their address in the site. */
export function guidePages(names: PublicNames): { pages: WrittenPage[]; pictures: Map<string, string> } {
  const pictures = new Map<string, string>()
  const pages = guides.map((guide) => {
    const address = addressOfGuide(guide)
    const { html, sections, examples } = render(readFileSync(guide.file, 'utf8'), {
      link: (target) => linkOf(guide, target, pictures),
      code: (text) => names.addressOfCode(text),
      page: path.basename(address, '.html'),
    })
    const [first] = sections
    return {
      address,
      language: guide.language,
      title: guide.file === 'README.md' ? 'Documentation' : decoded(first.name),
      about: first.text.trim().replace(/\s+/g, ' ').slice(0, 160),
      headings: sections satisfies Heading[],
      content: <Html class="prose" html={html} />,
      sections,
      examples,
    }
  })
  return { pages, pictures }
}

const decoded = (text: string): string => text.replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>')

/** A link of a document as its page has it: to another page, to a picture, or to another site. */
function linkOf({ file }: Guide, target: string, pictures: Map<string, string>): string {
  if (/^(https?:|#)/.test(target)) return target
  const [name, anchor] = path.posix.join(path.posix.dirname(file), target).split('#')
  const guide = guides.find((one) => one.file === name)
  if (guide) return `${fromPage(addressOfGuide(guide))}${anchor === undefined ? '' : `#${anchor}`}`
  if (!/\.(svg|webp)$/.test(name) || !existsSync(name)) {
    throw new Error(`${file}: a link leads to ${target}, expected a document of apps/site/plan.ts or a picture`)
  }
  const address = `docs/${path.posix.basename(name)}`
  pictures.set(address, name)
  return fromPage(address)
}
