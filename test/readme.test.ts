import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import * as unrolled from '../src/node.js'

// The folder is inside the project, so that the snippets find the package by its name.
mkdirSync('dist', { recursive: true })
const folder = mkdtempSync(path.resolve('dist/readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const readme = readFileSync('README.md', 'utf8')
// A block with the word run also runs in the page of the documentation: test/studio/site.test.ts.
const guides = ['first-steps', 'training', 'series', 'labels'].map((name) => readFileSync(`docs/${name}.md`, 'utf8'))
const codeIn = (text: string) => [...text.matchAll(/```ts(?: run)?\n([\s\S]*?)```/g)].map(([, code]) => code)
// The cells of these pages are one program, in English and in Portuguese.
const book = ['from-the-book', 'do-livro'].map((name) => codeIn(readFileSync(`docs/${name}.md`, 'utf8')).join('\n'))
// Its own class stands beside the library's, which is the one that is trained.
const cells = `${book[0].replace(/\[500, 1\]/, '[2, 1]')}\nexport { MyRNNModel }`
const snippets = [...[readme, ...guides].flatMap(codeIn), cells]

test('the names in the README’s tables of tensors exist', () => {
  const rows = readme.matchAll(/^\| (new|each value|along axes|shapes and indices|the graph) \| (.*) \|$/gm)
  const names = [...rows].flatMap(([, , cell]) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  expect(names.length).toBeGreaterThan(40)
  expect(names.filter((name) => !(name in unrolled.Tensor.prototype || name in unrolled))).toEqual([])
})

describe('the snippets of the README and of the guides to begin with', () => {
  test('are there', () => {
    expect(snippets.length).toBeGreaterThanOrEqual(3)
    expect(book[1]).toBe(book[0])
  })

  test('run, one after the other in one process', () => {
    const names = snippets.map((code, index) => {
      const name = `./snippet-${index + 1}.ts`
      // Two epochs show that a snippet runs; other tests show the result of 500.
      writeFileSync(path.join(folder, name), code.replace(/epochs: \d+/g, 'epochs: 2'))
      return name
    })
    const all = path.join(folder, 'all.mts')
    const run = (name: string) => `console.error('running ${name}')\nawait import('${name}')`
    writeFileSync(all, names.map(run).join('\n'))
    execFileSync(process.execPath, ['--import', 'tsx', all], {
      cwd: folder,
      env: { ...process.env, UNROLLED_OFFLINE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  })

  test('pass the strict compiler', () => {
    const tsc = path.resolve('node_modules/typescript/bin/tsc')
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      // What `tsc --init` of TypeScript 7 asks for goes beyond the strict compiler, and beyond the library's own source.
      JSON.stringify({
        extends: path.resolve('tsconfig.json'),
        compilerOptions: { customConditions: [], noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
        include: ['*.ts'],
      }),
    )
    execFileSync(process.execPath, [tsc, '-p', folder], { stdio: 'pipe' })
  })
})
