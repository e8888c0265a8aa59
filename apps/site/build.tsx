// Writes the documentation, with the studio and the reference, to dist-site/ or the folder that is named: npm run site.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build, type Rolldown } from 'vite'
import { SERVICE_WORKER, serviceWorkerOf } from '../studio/keeping'
import { guidePages } from './guides'
import { checkLinks } from './links'
import { htmlOf } from './page'
import { PublicNames } from './reference/names'
import { referencePages } from './reference/pages'
import type { Project } from './reference/typedoc'
import { searchIndex } from './search-index'
import { siteConfig } from './vite.config'

const [target = 'dist-site'] = process.argv.slice(2)
const work = mkdtempSync(path.join(tmpdir(), 'unrolled-site-'))
try {
  // The folder that is there stays as it is until everything is made and checked.
  const site = path.join(work, 'site')
  const count = await write(site)
  rmSync(target, { recursive: true, force: true })
  cpSync(site, target, { recursive: true })
  console.log(`${target}/: ${count} pages; any host can serve the folder`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Writes the whole site into a folder, and returns the number of its pages. */
async function write(site: string): Promise<number> {
  const names = new PublicNames(project())
  const { pages: guides, pictures } = guidePages(names)
  const pages = [...guides, ...referencePages(names)]
  const made = (await build(
    siteConfig(
      site,
      guides.flatMap(({ examples }) => examples),
    ),
  )) as Rolldown.RolldownOutput
  const fileOf = (name: string) =>
    made.output.find((one) => one.type === 'chunk' && one.isEntry && one.name === name)!.fileName
  const styles = made.output.map(({ fileName }) => fileName).filter((file) => file.endsWith('.css'))
  const index = searchIndex(guides, names)
  const assets = { script: fileOf('docs'), styles, index: `assets/search-${hashOf(index)}.json` }
  writeFileSync(path.join(site, assets.index), index)

  copyStudio(site)
  for (const page of pages) put(site, page.address, htmlOf(page, assets))
  for (const [address, file] of pictures) put(site, address, readFileSync(file))
  writeServiceWorker(site)

  const { broken } = checkLinks(site)
  if (broken.length > 0) throw new Error(`${broken.length} links lead nowhere:\n${broken.join('\n')}`)
  return pages.length
}

function put(site: string, address: string, content: string | Uint8Array): void {
  mkdirSync(path.dirname(path.join(site, address)), { recursive: true })
  writeFileSync(path.join(site, address), content)
}

/** All public names with their comments and types. `npm run docs` checks them and tells what is wrong. */
function project(): Project {
  const folder = path.resolve('docs/api')
  const { out: _, ...options } = JSON.parse(readFileSync(path.join(folder, 'typedoc.json'), 'utf8'))
  const [file, json] = ['options.json', 'reference.json'].map((name) => path.join(work, name))
  const paths = {
    entryPoints: options.entryPoints.map((entry: string) => path.join(folder, entry)),
    tsconfig: path.join(folder, options.tsconfig),
  }
  const sources = { disableSources: false, disableGit: true, sourceLinkTemplate: '{path}' }
  writeFileSync(file, JSON.stringify({ ...options, ...paths, ...sources, skipErrorChecking: true, json }))
  // In a folder of its own, because TypeDoc may empty the one that it writes to.
  execFileSync(process.execPath, [path.join(folder, 'node_modules/typedoc/bin/typedoc'), '--options', file], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return JSON.parse(readFileSync(json, 'utf8')) as Project
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 8)
}

/** The studio as the package has it, which here shows where the documentation is. */
function copyStudio(site: string): void {
  // The compressed copies are for the command's server.
  cpSync('dist/studio', site, { recursive: true, filter: (file) => !file.endsWith('.br') })
  const file = path.join(site, 'index.html')
  const html = readFileSync(file, 'utf8')
  writeFileSync(file, html.replace('</head>', '<link rel="help" href="./docs/index.html" />\n  </head>'))
}

/** Written last, in the place of the studio's own, because it lists all files. */
function writeServiceWorker(site: string): void {
  const files = readdirSync(site, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(site, path.join(parentPath, name)).split(path.sep).join('/'))
    .sort()
  const contents = files.map((file) => `${file} ${hashOf(readFileSync(path.join(site, file)))}`)
  writeFileSync(path.join(site, SERVICE_WORKER), serviceWorkerOf(files, hashOf(contents.join('\n'))))
}
