/** What cells find in their worker besides the language itself; they have no page and no network. */
export const platformDeclarations = `
interface Console {
  log(...values: unknown[]): void
  info(...values: unknown[]): void
  debug(...values: unknown[]): void
  warn(...values: unknown[]): void
  error(...values: unknown[]): void
}
declare const console: Console
declare const performance: { now(): number }
declare function setTimeout(run: () => void, milliseconds?: number): number
declare function clearTimeout(timer: number | undefined): void
declare function structuredClone<T>(value: T): T
interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
}
declare class AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}
declare class TextEncoder {
  encode(text?: string): Uint8Array
}
declare class TextDecoder {
  constructor(encoding?: string)
  decode(bytes?: ArrayBufferView | ArrayBuffer): string
}
`
