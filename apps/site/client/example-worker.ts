import { examples } from 'virtual:examples'

/** What a running example tells its page. */
export type FromExample = { line: string } | { error: string } | { done: true }

const tell = (message: FromExample) => postMessage(message)

/** A value as a line of output: what has a text of its own, as tensors and models do, shows that. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Error) return value.message
  if (value.toString !== Object.prototype.toString && !Array.isArray(value) && !ArrayBuffer.isView(value))
    return String(value)
  const plain = ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value
  return JSON.stringify(plain, undefined, 1)
    .replace(/\n\s*/g, ' ')
    .replace(/([[{]) | ([\]}])/g, '$1$2')
}

for (const name of ['log', 'info', 'warn', 'error'] as const) {
  console[name] = (...values: unknown[]) => tell({ line: values.map(shown).join(' ') })
}

addEventListener('message', async ({ data }: MessageEvent<string>) => {
  try {
    await examples[data]()
    tell({ done: true })
  } catch (error) {
    tell({ error: shown(error) })
  }
})
