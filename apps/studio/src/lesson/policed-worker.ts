import { cellPolicy } from '../../../../src/server/cell-policy'
import script from './run/cell-worker?worker&url'

/** A worker for what the reader writes, whose policy takes the network from it. */
export async function policedWorker(): Promise<Worker> {
  const { headers, body } = await fetch(script)
  await body?.cancel()
  if (headers.get('content-security-policy') === cellPolicy) return new Worker(script, { type: 'module' })
  // Neither the host nor a service worker sends the policy with the script. A program in a blob has the policy of the document
  // that made the blob, and so do all workers that it begins.
  const frame = await policedFrame()
  const address = frame.URL.createObjectURL(new frame.Blob([program], { type: 'text/javascript' }))
  return new frame.Worker(address, { type: 'module' })
}

/** Loads the script, which `worker-src` would refuse if it were not loaded later; what the page says meanwhile waits for it. */
const program = `
const early = []
onmessage = ({ data }) => early.push(data)
import(${JSON.stringify(script)}).then(() => {
  onmessage = null
  for (const data of early) dispatchEvent(new MessageEvent('message', { data }))
}, reportError)`

let made: Promise<Window & typeof globalThis> | undefined

/** An empty document with the policy, which stays: its workers end with it. */
function policedFrame(): Promise<Window & typeof globalThis> {
  made ??= new Promise((resolve) => {
    const frame = document.createElement('iframe')
    frame.hidden = true
    frame.onload = () => resolve(frame.contentWindow as Window & typeof globalThis)
    frame.srcdoc = `<meta http-equiv="content-security-policy" content="${cellPolicy}">`
    document.body.append(frame)
  })
  return made
}
