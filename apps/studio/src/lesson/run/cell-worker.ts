// Runs the cells of the lesson, one after another. It has a policy that lets it make functions of text, and forbids it the network:
// see policed-worker.ts.
import { type CellRun, cellModules } from './cell-modules'
import { CellSyntaxError, compile } from './compile'
import { consoleMethods } from './console-methods'
import { inspect } from './inspect'
import type { Book, FromCells, Output, ToCells } from './messages'
import { OutputBuffer } from './output-buffer'

/** Ends a cell that was stopped. */
class Stopped extends Error {}

let modules: ReturnType<typeof cellModules>
let stop: Int32Array | undefined
interface Run extends CellRun {
  name: string
  controller: AbortController
  /** Whether something was thrown that the cell did not wait for. */
  broken: boolean
}

let run: Run | undefined
/** The run before, whose timers and promises may still say something. */
let last: Run | undefined

/** The variables of each program, which its cells share. */
const scopes = new Map<string, Record<string, unknown>>()

const post = (message: FromCells) => postMessage(message)

for (const [method, say] of Object.entries(consoleMethods)) {
  const console = globalThis.console as unknown as Record<string, (...values: unknown[]) => void>
  const original = console[method].bind(console)
  console[method] = (...values) => {
    const by = run ?? last
    if (!by) return original(...values)
    stopIfAsked()
    const said = say(values)
    if (said) by.put({ type: 'text', ...said })
  }
}

/** Tells an error that no cell waits for: of a promise without await, or of a timer. */
function tellLate(event: Event, error: unknown): void {
  const by = run ?? last
  if (!by) return
  event.preventDefault()
  if (error instanceof Stopped) return
  by.broken = true
  by.put(errorOf(error, by.name))
}

addEventListener('unhandledrejection', (event) => tellLate(event, event.reason))
addEventListener('error', (event) => tellLate(event, event.error))

// What the policy would refuse is not there, so that a cell says so in its own line.
for (const name of ['fetch', 'XMLHttpRequest', 'WebSocket', 'WebTransport', 'EventSource', 'importScripts']) {
  for (let owner = globalThis; owner; owner = Object.getPrototypeOf(owner)) {
    if (owner === globalThis || Object.hasOwn(owner, name)) Object.defineProperty(owner, name, { value: undefined })
  }
}

function stopIfAsked(): void {
  if (!run) return
  if (stop && Atomics.load(stop, 0) !== 0) run.controller.abort()
  if (run.controller.signal.aborted) throw new Stopped()
}

function begin({ text, source }: Book): void {
  modules = cellModules({ text, source }, () => run!)
}

function importModule(name: string, wanted: readonly string[]): Readonly<Record<string, unknown>> {
  const module = modules[name]
  if (!module) {
    throw new Error(
      `there is no module '${name}' in this page; cells import from ${Object.keys(modules).join(' and ')}`,
    )
  }
  for (const one of wanted) {
    if (!(one in module)) throw new Error(`'${name}' has no ${one}; what is only a type is imported as { type ${one} }`)
  }
  return module
}

async function runCell({ name, program, code }: Extract<ToCells, { type: 'run' }>): Promise<void> {
  const buffer = new OutputBuffer((outputs) => post({ type: 'output', name, outputs }))
  const controller = new AbortController()
  const own: Run = {
    ...{ name, controller, signal: controller.signal, broken: false },
    put: (output) => buffer.put(output),
  }
  run = own
  let ending: Extract<FromCells, { type: 'end' }>['ending'] = 'done'
  try {
    const { script, names } = compile(code)
    const scope = scopes.get(program) ?? Object.create(null)
    scopes.set(program, scope)
    for (const one of names) if (!(one in scope)) scope[one] = undefined
    const show = (value: unknown) => {
      if (value !== undefined) buffer.put({ type: 'text', text: inspect(value) })
    }
    // An indirect call: the script sees nothing of this module.
    // biome-ignore lint/security/noGlobalEval: to run what the reader writes is what this worker is for
    const cell = globalThis.eval(`${script}\n//# sourceURL=${name}.ts`)
    await cell(scope, stopIfAsked, show, importModule)
    // What it does not wait for, but has failed already, is told before it ends.
    await new Promise((resolve) => setTimeout(resolve))
    stopIfAsked()
    if (own.broken) ending = 'failed'
  } catch (error) {
    ending = controller.signal.aborted ? 'stopped' : 'failed'
    if (ending === 'failed') buffer.put(errorOf(error, name))
  }
  run = undefined
  last = own
  buffer.flush()
  post({ type: 'end', name, ending })
}

/** What a cell threw, with the line of the cell where it did. */
function errorOf(error: unknown, name: string): Output {
  if (error instanceof CellSyntaxError) {
    return { type: 'error', text: `${error.name}: ${error.message}`, line: error.line }
  }
  if (!(error instanceof Error)) return { type: 'error', text: `thrown: ${inspect(error)}` }
  const at = new RegExp(`${name}\\.ts:(\\d+)`).exec(error.stack ?? '')
  return { type: 'error', text: `${error.name}: ${error.message}`, ...(at && { line: Number(at[1]) }) }
}

addEventListener('message', ({ data }: MessageEvent<ToCells>) => {
  if (data.type === 'begin') {
    stop = data.stop
    begin(data.book)
  } else if (data.type === 'run') void runCell(data)
  else run?.controller.abort()
})
