import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium } from './path.js'

/** A page of a Chromium that is driven through a pipe, because Playwright never lets a page be hidden. */
export interface DrivenPage {
  /** The value of an expression in the page, after it was awaited. */
  evaluate(expression: string): Promise<unknown>
  /** Calls a method of the browser: see the Chrome DevTools Protocol. */
  send(method: string, params?: object): Promise<Record<string, unknown>>
  close(): Promise<void>
}

/** Opens a page in a Chromium of its own, with a software adapter for WebGPU. */
export async function drivenPage(url: string): Promise<DrivenPage> {
  const profile = mkdtempSync(path.join(tmpdir(), 'unrolled-chromium-'))
  const webGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
  const args = ['--headless=new', '--no-sandbox', '--remote-debugging-pipe', `--user-data-dir=${profile}`, ...webGpu]
  const browser = spawn(chromium, [...args, url], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const [, , , to, from] = browser.stdio as unknown as [null, null, null, NodeJS.WritableStream, NodeJS.ReadableStream]
  const answers = new Map<number, (answer: { result?: Record<string, unknown>; error?: { message: string } }) => void>()
  let rest = ''
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (rest + chunk).split('\0')
    rest = messages.pop()!
    for (const message of messages.map((text) => JSON.parse(text))) answers.get(message.id)?.(message)
  })
  let sent = 0
  const call = async (method: string, params: object, sessionId?: string) => {
    const id = sent++
    const answer = new Promise<Parameters<Parameters<typeof answers.set>[1]>[0]>((resolve) => answers.set(id, resolve))
    to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    const { result, error } = await answer
    if (!result) throw new Error(`${method}: ${error?.message}`)
    return result
  }
  const send = (method: string, params = {}) => call(method, params)
  const { targetInfos } = (await send('Target.getTargets')) as { targetInfos: { type: string; targetId: string }[] }
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!
  const { sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string }
  return {
    send,
    async evaluate(expression) {
      const options = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = (await call('Runtime.evaluate', options, sessionId)) as {
        result: { value?: unknown }
        exceptionDetails?: { exception?: { description?: string } }
      }
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description)
      return result.value
    },
    async close() {
      const closed = new Promise((resolve) => browser.once('close', resolve))
      await send('Browser.close')
      await closed
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
