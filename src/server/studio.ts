import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import sirv from 'sirv'
import { checkNumber, checkString, checkStrings, checkWhole } from '../core/check.js'
import { checkOptions, type OptionKinds } from '../core/check-options.js'
import { DataError } from '../core/errors.js'
import { findTimeMachine, readMobyDick } from '../node/time-machine.js'
import { CELL_WORKER, cellPolicy } from './cell-policy.js'
import { type Answer, machineRuns } from './machine-runs.js'

/** Where the studio is served. */
export interface StudioOptions {
  /** The address that the server listens on. Default '127.0.0.1', which only this machine reaches. */
  host?: string
  /** The port. Default: 7766, or any that is free if that one is in use. */
  port?: number
  /** The folder of the built page. Default: the one that comes with the package. */
  folder?: string
  /** Folders of trainings of this machine that the page shows, live. Default: none. */
  runs?: readonly string[]
}

const studioOptions: OptionKinds<StudioOptions> = { host: 'any', port: 'any', folder: 'any', runs: 'any' }

const PORT = 7766

/** Addresses of files and folders whose names begin with a dot. */
const HIDDEN = /[/\\](\.|%2e)/i

/** Addresses of the page's scripts. */
const SCRIPT = /^\/assets\/[\w.-]+\.js$/

const unpack = promisify(brotliDecompress)

/** The text that comes with the package, compressed: dist/studio has it only for hosts of the page alone. */
const MOBY_DICK = '/texts/moby-dick.txt'
const mobyDick: Answer = {
  type: 'text/plain; charset=utf-8',
  make: async () => ({ body: (await readMobyDick()) ?? '' }),
}

/** The text of the lesson, with a line that says where it comes from. */
const BOOK = '/texts/book.json'
const book: Answer = {
  type: 'application/json',
  async make() {
    const { text, title, source } = await findTimeMachine()
    // What the library advises is for those who write programs.
    const told = title === 'Moby Dick' ? 'Moby Dick, because this machine has no copy of The Time Machine' : source
    return { body: JSON.stringify({ text, source: told }) }
  },
}

/** Threads need a page that is isolated; the policy keeps scripts, and what they may reach, to this server. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** A server of the studio. */
export interface StudioServer {
  /** The address of the page. */
  url: string
  /** Ends the server. */
  close(): Promise<void>
}

/**
 * Serves the studio, a page that trains recurrent networks in the browser. It answers only requests that name it by its own
 * address, so that no other site can reach it through a name that points here.
 * @throws OptionError for an option out of range; DataError if the page is not built, or if the address or the port
 *   cannot be had
 */
export async function serveStudio(options: StudioOptions = {}): Promise<StudioServer> {
  checkOptions('serveStudio', options, studioOptions)
  const {
    host = '127.0.0.1',
    port,
    folder = fileURLToPath(new URL('../studio/', import.meta.url)),
    runs = [],
  } = options
  checkString('serveStudio', 'host', host)
  checkStrings('serveStudio', 'runs', runs)
  const answers = new Map([...(await machineRuns(runs)), [MOBY_DICK, mobyDick], [BOOK, book]])
  if (port !== undefined) {
    checkWhole('serveStudio', 'port', port, 0)
    checkNumber('serveStudio', 'port', port, 0, 65_535)
  }
  if (!existsSync(folder)) {
    throw new DataError(
      `serveStudio: ${folder} is missing, expected the built page; run npm run build, or install again`,
    )
  }
  // Files are looked up at each request, because the page may be built again in the meantime.
  const files = sirv(folder, { dev: true, etag: true, brotli: true })
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const wrong = problemOf(request, server, host)
    if (wrong) return refuse(response, 403, wrong)
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'expected GET or HEAD')
    const base = 'http://localhost'
    // One such as // is no address.
    if (!URL.canParse(request.url ?? '/', base)) return refuse(response, 400, 'the address of the request is not one')
    const { pathname } = new URL(request.url ?? '/', base)
    if (CELL_WORKER.test(pathname.slice(1))) response.setHeader('content-security-policy', cellPolicy)
    const answer = answers.get(pathname)
    if (answer) return void send(request, response, answer)
    const missing = () => refuse(response, 404, 'there is no such file')
    if (HIDDEN.test(request.url ?? '')) return missing()
    // No file is large enough for parts of it, and sirv cannot read ranges like 5-2.
    delete request.headers.range
    // A file that cannot be read after its headers were made.
    response.once('pipe', (file) => file.once('error', () => response.destroy()))
    try {
      files(request, response, () => {
        const packed = packedFile(folder, pathname)
        if (packed) void send(request, response, packed)
        else missing()
      })
    } catch (error) {
      refuse(response, 500, (error as Error).message)
    }
  })
  await listen(server, host, port)
  const { address, family, port: taken } = server.address() as AddressInfo
  const name = family === 'IPv6' ? `[${address}]` : address
  const local = ['127.0.0.1', '::1', '::', '0.0.0.0'].includes(address)
  return {
    url: `http://${local ? 'localhost' : name}:${taken}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A script that the package has only compressed, for browsers that do not unpack it: those of other machines, over HTTP. */
function packedFile(folder: string, pathname: string): Answer | undefined {
  const file = path.join(folder, `${pathname}.br`)
  if (!SCRIPT.test(pathname) || !existsSync(file)) return undefined
  return {
    type: 'text/javascript; charset=utf-8',
    make: async () => ({ body: await unpack(await readFile(file)) }),
  }
}

/** Sends what an answer makes: all of it, or what a range like `bytes=100-` asks for. An error becomes its sentence. */
async function send(request: IncomingMessage, response: ServerResponse, { type, make }: Answer): Promise<void> {
  const [, begin] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
  try {
    const from = Number(begin ?? 0)
    const content = await make(from)
    if (!content) return refuse(response, 416, `there is no byte ${from}`)
    const { body, size } = content
    const isPart = begin !== undefined && size !== undefined && size > 0
    response.writeHead(isPart ? 206 : 200, {
      'content-type': type,
      'cache-control': 'no-store',
      ...(isPart && { 'content-range': `bytes ${from}-${size - 1}/${size}` }),
    })
    response.end(body)
  } catch (error) {
    refuse(response, 500, (error as Error).message)
  }
}

/** Why a request is refused: it names another server, or comes from a page of another one. */
function problemOf({ headers }: IncomingMessage, server: Server, host: string): string | undefined {
  const { port } = server.address() as AddressInfo
  // Who listens on all addresses of the machine wants to be reached by any of its names.
  const open = host === '0.0.0.0' || host === '::'
  const names = ['localhost', '127.0.0.1', '[::1]', host.includes(':') ? `[${host}]` : host]
  const known = names.map((name) => `${name}:${port}`)
  if (!open && !known.includes(headers.host ?? ''))
    return `Host is ${headers.host}, expected one of ${known.join(', ')}`
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    return `Origin is ${headers.origin}, expected http://${headers.host}`
  }
  return undefined
}

function refuse(response: ServerResponse, status: number, why: string): void {
  // Who has the head of another answer is told by the connection.
  if (response.headersSent) return void response.destroy()
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${why}\n`)
}

/** Listens on the port, or, if none was asked for, on the usual one or any that is free. */
async function listen(server: Server, host: string, port: number | undefined): Promise<void> {
  const tried = (one: number) =>
    new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen(one, host, () => {
        server.off('error', resolve)
        resolve(undefined)
      })
    })
  let error = await tried(port ?? PORT)
  if (error?.code === 'EADDRINUSE' && port === undefined) error = await tried(0)
  if (!error) return
  const why = {
    EADDRINUSE: `port ${port} is in use; leave the port out to take any that is free`,
    EACCES: `port ${port} is not allowed to this user; choose one above 1023`,
    EADDRNOTAVAIL: `${host} is not an address of this machine`,
    ENOTFOUND: `${host} is not a known name`,
  }[error.code ?? '']
  throw new DataError(`serveStudio: ${why ?? error.message}`)
}
