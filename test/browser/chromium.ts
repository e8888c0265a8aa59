import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { build } from 'esbuild'
import { type Browser, chromium as engine, type Page } from 'playwright'
import { chromium } from './path.js'

/** The headers that a server sends with each page. */
export interface Serving {
  /** Whether the page is isolated from other origins, so that it may share memory between threads. Default true. */
  isolated?: boolean
  /** The content security policy. Default: none. */
  policy?: string
}

/** Files by their path, such as `/page.js`. */
export type Files = Readonly<Record<string, string | Uint8Array>>

const types: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html', '.json': 'application/json' }

/** Serves files on a port of its own. Every path without a file is an empty page that runs /page.js. */
export async function serve(
  files: Files,
  { isolated = true, policy }: Serving = {},
): Promise<Server & { url: string }> {
  const html = '<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/page.js"></script>'
  const server = createServer(({ url = '/' }, response) => {
    const file = new URL(url, 'http://localhost').pathname
    const content = files[file] ?? (path.extname(file) === '' ? html : undefined)
    const headers: Record<string, string> = {
      'content-type':
        types[path.extname(file)] ?? (path.extname(file) === '' ? 'text/html' : 'application/octet-stream'),
    }
    if (isolated) {
      headers['cross-origin-opener-policy'] = 'same-origin'
      headers['cross-origin-embedder-policy'] = 'require-corp'
    }
    if (policy) headers['content-security-policy'] = policy
    // Browsers request an icon on their own.
    const missing = file === '/favicon.ico' ? 204 : 404
    response.writeHead(content === undefined ? missing : 200, headers).end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })
}

/** Bundles a text, which may import from the project's folder, into one file for a browser. */
export async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: path.resolve('.'), loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    external: ['gpt-tokenizer'],
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0].text
}

export const launch = (): Promise<Browser> => engine.launch({ executablePath: chromium, args: ['--no-sandbox'] })

let browser: Promise<Browser> | undefined

/** The Chromium of all test files that share this process, with which it ends: one starts slower than most tests run. */
export const sharedBrowser = (): Promise<Browser> => (browser ??= launch())

/** Waits for the promise `globalThis.outcome` of a page; returns its value, or throws its error. */
export async function outcomeOf<T>(page: Page): Promise<T> {
  await page.waitForFunction(() => 'outcome' in globalThis, undefined, { timeout: 0 })
  return page.evaluate(() => (globalThis as unknown as { outcome: Promise<T> }).outcome)
}
