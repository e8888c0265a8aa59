import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import sirv from 'sirv'

/** A host that sends no headers of its own. */
export interface PlainHost {
  url: string
  close(): Promise<void>
}

/** @param place where the host has the files, such as `/any/folder`; default: at its root */
export async function plainHost(folder: string, place = ''): Promise<PlainHost> {
  const files = sirv(folder)
  const server = createServer((request, response) => {
    const missing = () => void response.writeHead(404).end()
    if (!request.url?.startsWith(`${place}/`)) return missing()
    request.url = request.url.slice(place.length)
    files(request, response, missing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${place}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
