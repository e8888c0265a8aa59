/** What cells find in their worker besides the language itself; they have no page and no network. */
export const platformDeclarations = `
interface Console {
  log(...values: unknown[]): void
  info(...values: unknown[]): void
  debug(...values: unknown[]): void
  warn(...values: unknown[]): void
  error(...values: unknown[]): void
  dir(value: unknown): void
  table(rows: unknown): void
  assert(holds?: boolean, ...values: unknown[]): void
  time(label?: string): void
  timeEnd(label?: string): void
}
declare const console: Console
interface Performance {
  now(): number
  readonly timeOrigin: number
}
declare const performance: Performance
interface WorkerNavigator {
  readonly hardwareConcurrency: number
  readonly language: string
  readonly languages: readonly string[]
  readonly onLine: boolean
  readonly platform: string
  readonly userAgent: string
}
declare const navigator: WorkerNavigator
interface WorkerLocation {
  readonly hash: string
  readonly host: string
  readonly hostname: string
  readonly href: string
  readonly origin: string
  readonly pathname: string
  readonly port: string
  readonly protocol: string
  readonly search: string
  toString(): string
}
declare const location: WorkerLocation
type TimerHandler = string | Function
declare function setTimeout(run: TimerHandler, milliseconds?: number, ...values: any[]): number
declare function clearTimeout(timer: number | undefined): void
declare function setInterval(run: TimerHandler, milliseconds?: number, ...values: any[]): number
declare function clearInterval(timer: number | undefined): void
declare function queueMicrotask(run: () => void): void
declare function atob(text: string): string
declare function btoa(text: string): string
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
