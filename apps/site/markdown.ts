import { Marked, type Token, type Tokens } from 'marked'
import { escaped, highlighted } from './highlight'

/** A heading of a page: the anchor is its place. */
export interface Heading {
  depth: number
  anchor: string
  /** As HTML without tags. */
  name: string
}

/** A heading with the plain text below it, to search in. */
export interface Section extends Heading {
  text: string
}

/** A block of TypeScript that runs in the page; the info string of its fence is `ts run`. */
export interface Example {
  id: string
  code: string
}

export interface Rendered {
  html: string
  sections: Section[]
  examples: Example[]
}

export interface RenderOptions {
  /** The address of a link as the page has it. Throws if it leads nowhere. */
  link: (address: string) => string
  /** The address of the reference to what a span of code names, if it names something public. */
  code?: (text: string) => string | undefined
  /** What the names of this page's examples begin with. */
  page?: string
}

/** The anchor of a heading, as GitHub makes it. */
const slugOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

/** The text of tokens without its marks. */
const plain = (tokens: readonly Token[] = []): string =>
  tokens
    .map((token) => ('tokens' in token && token.tokens ? plain(token.tokens) : 'text' in token ? token.text : ' '))
    .join('')

/** Markdown as HTML. Tags in it are shown, not obeyed: no document needs them, and comments have types such as Promise<T>. */
export function render(markdown: string, { link, code, page = '' }: RenderOptions): Rendered {
  const sections: Section[] = []
  const examples: Example[] = []
  const taken = new Map<string, number>()
  const anchorOf = (text: string) => {
    const slug = slugOf(text)
    const before = taken.get(slug) ?? 0
    taken.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  }
  const marked = new Marked({
    gfm: true,
    renderer: {
      html: ({ text }) => (text.startsWith('<!--') ? '' : escaped(text)),
      heading({ tokens, depth }) {
        const name = plain(tokens)
        const anchor = anchorOf(name)
        sections.push({ depth, anchor, name, text: '' })
        const html = this.parser.parseInline(tokens)
        return depth === 1
          ? `<h1 id="${anchor}">${html}</h1>\n`
          : `<h${depth} id="${anchor}"><a class="anchor" href="#${anchor}">${html}</a></h${depth}>\n`
      },
      link({ href, tokens }) {
        return `<a href="${escaped(link(href))}">${this.parser.parseInline(tokens)}</a>`
      },
      image: ({ href, text }) => `<img src="${escaped(link(href))}" alt="${escaped(text)}" loading="lazy">`,
      codespan({ text }) {
        const address = code?.(text)
        return address === undefined
          ? `<code>${escaped(text)}</code>`
          : `<a class="code" href="${address}"><code>${escaped(text)}</code></a>`
      },
      code({ text, lang = '' }) {
        const [language, ...flags] = lang.split(' ')
        const html = `<pre><code>${highlighted(text, language)}</code></pre>\n`
        if (!flags.includes('run')) return html
        const id = `${page}-${examples.length + 1}`
        examples.push({ id, code: text })
        return `<div class="example" data-example="${id}">${html}</div>\n`
      },
      table(token) {
        return tableOf(token, (tokens) => this.parser.parseInline(tokens))
      },
    },
  })
  const tokens = marked.lexer(markdown)
  const html = marked.parser(tokens)
  addTexts(sections, tokens)
  return { html, sections, examples }
}

/** A table that scrolls by itself where it is too wide. Heads and rows without a name are not announced as headers. */
function tableOf({ header, rows, align }: Tokens.Table, inline: (tokens: Token[]) => string): string {
  const aligned = (i: number) => (align[i] ? ` class="${align[i]}"` : '')
  const cell = (tag: string, { tokens, text }: Tokens.TableCell, i: number) => {
    const name = tag === 'th' && text.trim() === '' ? 'td' : tag
    return `<${name}${aligned(i)}>${inline(tokens)}</${name}>`
  }
  const row = (tag: string, cells: readonly Tokens.TableCell[]) =>
    `<tr>${cells.map((one, i) => cell(tag, one, i)).join('')}</tr>`
  const head = header.some(({ text }) => text.trim() !== '') ? `<thead>${row('th', header)}</thead>` : ''
  const body = rows.map((cells) => row('td', cells)).join('\n')
  return `<div class="scroll"><table>${head}<tbody>${body}</tbody></table></div>\n`
}

/** Adds to each heading the text that stands below it. */
function addTexts(sections: readonly Section[], tokens: readonly Token[]): void {
  let at = -1
  for (const token of tokens) {
    if (token.type === 'heading') at++
    else if (at >= 0) sections[at].text += ` ${textOf(token)}`
  }
}

function textOf(token: Token): string {
  if (token.type === 'code') return token.text
  if (token.type === 'list')
    return (token as Tokens.List).items.map(({ tokens }) => tokens.map(textOf).join(' ')).join(' ')
  if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table
    return [header, ...rows].flatMap((cells) => cells.map(({ tokens }) => plain(tokens))).join(' ')
  }
  return 'tokens' in token && token.tokens ? plain(token.tokens) : ''
}
