import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'
import { compressed } from './build/compressed.ts'
import { lesson } from './build/lesson.ts'
import { inWorkers, workerLicenses } from './build/worker-licenses.ts'
import { SERVICE_WORKER, serviceWorkerOf } from './keeping.ts'

const root = path.resolve('apps/studio')

/** The text that comes with the library, as a file of the page. */
const mobyDick = (): Plugin => {
  const text = () => brotliDecompressSync(readFileSync('data/moby-dick.txt.br'))
  return {
    name: 'moby-dick',
    configureServer: (server) => {
      server.middlewares.use('/texts/book.json', (_, response) => response.end('null'))
      server.middlewares.use('/texts/moby-dick.txt', (_, response) => response.end(text()))
    },
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'texts/moby-dick.txt', source: text() })
      // A host of the page alone has no trainings of a machine; the command's server answers with its own.
      this.emitFile({ type: 'asset', fileName: 'machine/runs.json', source: '[]' })
      // Nor does it look for The Time Machine.
      this.emitFile({ type: 'asset', fileName: 'texts/book.json', source: 'null' })
    },
  }
}

/** The program that keeps the page for work off line, with the names of all its files. */
const serviceWorker = (): Plugin => ({
  name: 'service-worker',
  enforce: 'post',
  generateBundle(_, bundle) {
    const version = createHash('sha256')
    for (const file of Object.values(bundle)) version.update(file.type === 'chunk' ? file.code : file.source)
    const files = [...new Set(['index.html', 'icon.svg', ...Object.keys(bundle)])]
    const source = serviceWorkerOf(files, version.digest('hex').slice(0, 12))
    this.emitFile({ type: 'asset', fileName: SERVICE_WORKER, source })
  },
})

// Threads need a page that is isolated from other origins.
const isolated = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

// Byte pairs would be two megabytes, and HDF5 four; the library says what is missing where a model needs them.
const external = [/^gpt-tokenizer/, /^h5wasm/]

// The first thing that `npm start` shows would be how the time of the build is spent.
const checks = { pluginTimings: false }

export default defineConfig({
  root,
  base: './',
  plugins: [mobyDick(), lesson(), compressed(), workerLicenses(), serviceWorker()],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  server: { headers: isolated },
  preview: { headers: isolated },
  worker: { format: 'es', plugins: () => [lesson(), inWorkers()], rollupOptions: { external, checks } },
  build: {
    outDir: path.resolve('dist/studio'),
    emptyOutDir: true,
    target: 'es2022',
    license: { fileName: 'licenses.md' },
    // Inlined files would need a content security policy that allows data addresses.
    assetsInlineLimit: 0,
    rollupOptions: { external, checks },
  },
})
