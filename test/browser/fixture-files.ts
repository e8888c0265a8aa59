/** The files that test/fixture-files.ts reads from the disk, fetched here from the test server. */
const urls = (import.meta as unknown as { glob(pattern: string, options: object): Record<string, string> }).glob(
  '../fixtures/*.safetensors',
  { query: '?url', import: 'default', eager: true },
)

const files = new Map<string, Uint8Array<ArrayBuffer>>()
for (const [file, url] of Object.entries(urls)) {
  const name = /([^/]+)\.safetensors$/.exec(file)![1]
  files.set(name, new Uint8Array(await (await fetch(url)).arrayBuffer()))
}

export const fixtureNames: readonly string[] = [...files.keys()]
export const fixtureBytes = (name: string): Uint8Array<ArrayBuffer> => files.get(name)!
