import type { MadeToken } from '../node.js'
import { colorsOf } from './colors.js'
import { quoted, visible } from './output.js'

/** Shades from the highest probability down, each with its least probability. */
const shades = [
  [0.9, 'bgGreen'],
  [0.5, 'bgCyan'],
  [0.2, 'bgYellow'],
  [0.05, 'bgMagenta'],
  [0, 'bgRed'],
] as const

/**
 * Shows texts token by token, one text after another. Probabilities are shown as shades of colour on a terminal, and
 * elsewhere with one line per token.
 */
export class TextView {
  readonly #prefix: string
  readonly #mode: 'text' | 'shades' | 'lines'
  readonly #stream: { write(text: string): unknown }
  /** Formats text for the stream: a terminal must not obey control characters, and a file gets them unchanged. */
  readonly #shown: (text: string) => string
  readonly #colors: ReturnType<typeof colorsOf>
  #texts = 0
  #open = false

  constructor(
    prefix: string,
    withProbabilities = false,
    stream: { isTTY?: boolean; write(text: string): unknown } = process.stdout,
    colors = colorsOf(stream),
  ) {
    this.#shown = stream.isTTY ? visible : String
    this.#prefix = this.#shown(prefix)
    this.#stream = stream
    this.#colors = colors
    this.#mode = !withProbabilities ? 'text' : colors.isColorSupported ? 'shades' : 'lines'
  }

  token({ text, probability }: Pick<MadeToken, 'text' | 'probability'>): void {
    this.#begin()
    if (this.#mode === 'lines') this.#stream.write(`${inSingleQuotes(text)} ${probability.toPrecision(2)}\n`)
    else this.#stream.write(this.#mode === 'shades' ? this.#shaded(this.#shown(text), probability) : this.#shown(text))
  }

  /** Ends a text; without tokens, it is only the prefix. */
  end(): void {
    this.#begin()
    if (this.#mode !== 'lines') this.#stream.write('\n')
    this.#open = false
  }

  /** Called with the first token, so that nothing is printed if the prefix is refused. */
  #begin(): void {
    if (this.#open) return
    this.#open = true
    if (this.#texts++ > 0) this.#stream.write('---\n')
    else if (this.#mode === 'shades') this.#stream.write(`${this.#legend()}\n`)
    this.#stream.write(this.#mode === 'lines' ? `${this.#prefix}\n` : this.#prefix)
  }

  #legend(): string {
    const names = shades.map(([least], i) => (least > 0 ? `≥ ${least}` : `< ${shades[i - 1][0]}`))
    return ['probability:', ...shades.map(([least], i) => this.#shaded(` ${names[i]} `, least))].join(' ')
  }

  #shaded(text: string, probability: number): string {
    const [, name] = shades.find(([least]) => probability >= least)!
    const shade = (part: string) => part && this.#colors[name](this.#colors.black(part))
    return text
      .split('\n')
      .map(shade)
      .join(`${shade('⏎')}\n`)
  }
}

/** A text quoted as in source code, with readable control characters. */
function inSingleQuotes(text: string): string {
  const inner = quoted(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${inner}'`
}
