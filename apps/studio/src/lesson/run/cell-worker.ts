// Runs the cells of the lesson, one after another. Its script comes with a policy that lets it make functions of text, and
// forbids it the network: see src/server/cell-policy.ts.
import { type CellRun, cellModules } from './cell-modules'
import { CellSyntaxError, compile } from './compile'
import { inspect, logged } from './inspect'
import type { Book, FromCells, Output, ToCells } from './messages'
import { OutputBuffer } from './output-buffer'

/** Ends a cell that was stopped. */
class Stopped extends Error {}

let modules: ReturnType<typeof cellModules>
let stop: Int32Array | undefined
let run: (CellRun & { name: string; controller: AbortController }) | undefined

/** The variables of each program, which its cells share. */
const scopes = new Map<string, Record<string, unknown>>()

const post = (message: FromCells) => postMessage(message)

for (const [method, warning] of Object.entries({ log: false, info: false, debug: false, warn: true, error: true })) {
  const console = globalThis.console as unknown as Record<string, (...values: unknown[]) => void>
  const original = console[method].bind(console)
  console[method] = (...values) => {
    if (!run) return original(...values)
    stopIfAsked()
    run.put({ type: 'text', text: logged(values), ...(warning && { warning }) })
  }
}

addEventListener('unhandledrejection', (event) => {
  if (!run) return
  event.preventDefault()
  run.put(errorOf(event.reason, run.name))
})

// Where neither the page's server nor a service worker sends the policy, cells do not find the network at least.
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
  run = { name, controller, signal: controller.signal, put: (output) => buffer.put(output) }
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
    stopIfAsked()
  } catch (error) {
    ending = controller.signal.aborted ? 'stopped' : 'failed'
    if (ending === 'failed') buffer.put(errorOf(error, name))
  }
  run = undefined
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
