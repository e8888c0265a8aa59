import path from 'node:path'
import type { InlineConfig, Plugin } from 'vite'
import type { Example } from './markdown'

const root = path.resolve('apps/site')

/** The examples of the guides as modules of the worker that runs them. */
function runnable(examples: readonly Example[]): Plugin {
  const LIST = 'virtual:examples'
  const fileOf = (id: string) => path.join(root, 'examples', `${id}.ts`)
  const codes = new Map(examples.map(({ id, code }) => [fileOf(id), code]))
  const list = examples.map(({ id }) => `${JSON.stringify(id)}: () => import(${JSON.stringify(fileOf(id))})`)
  return {
    name: 'examples',
    enforce: 'pre',
    resolveId: (id) => (id === LIST ? `\0${LIST}` : codes.has(id) ? id : undefined),
    load: (id) => (id === `\0${LIST}` ? `export const examples = {${list.join(',\n')}}` : codes.get(id)),
  }
}

/** Builds the program of the documentation's pages into a folder. */
export function siteConfig(outDir: string, examples: readonly Example[]): InlineConfig {
  // Byte pairs would be two megabytes, and no example needs them.
  const external = [/^gpt-tokenizer/]
  const checks = { pluginTimings: false }
  return {
    configFile: false,
    root,
    base: './',
    logLevel: 'warn',
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
    worker: { format: 'es', plugins: () => [runnable(examples)], rollupOptions: { external, checks } },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      rollupOptions: {
        input: path.join(root, 'client/docs.tsx'),
        checks,
      },
    },
  }
}
