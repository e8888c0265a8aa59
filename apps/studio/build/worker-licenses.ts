import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Plugin } from 'vite'

const rule = `\n${'-'.repeat(80)}\n\n`

/** Folders of packages whose code is in a worker. Vite's own list of licences knows only the page's. */
const folders = new Set<string>()

/** Notes which packages a worker has; for the workers' plugins. */
export const inWorkers = (): Plugin => ({
  name: 'worker-licenses-found',
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
    for (const id of modules) {
      const folder = /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0].replaceAll('\0', '')
      if (folder) folders.add(folder)
    }
  },
})

/** Writes their licences next to the page's own. */
export const workerLicenses = (): Plugin => ({
  name: 'worker-licenses',
  writeBundle({ dir }) {
    const notices = [...folders].sort().map((folder) => {
      const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
      const files = readdirSync(folder).filter((file) => /^(licen[cs]e|thirdpartynotice)/i.test(file))
      if (files.length === 0) throw new Error(`${name}: the package has no licence file, expected one`)
      return `${name} ${version}\n\n${files.map((file) => readFileSync(path.join(folder, file), 'utf8').trim()).join('\n\n')}\n`
    })
    writeFileSync(path.join(dir!, 'worker-licenses.txt'), notices.join(rule))
  },
})
