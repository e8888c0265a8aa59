import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { mathOperators } from '../../src/formats/onnx/math-operators.js'
import { shapeOperators } from '../../src/formats/onnx/shape-operators.js'

// The folder is inside the project, so that the snippets find the packages by their names.
mkdirSync('dist', { recursive: true })
const folder = mkdtempSync(path.resolve('dist/onnx-docs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const text = readFileSync('docs/onnx.md', 'utf8')
const snippets = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code)
const config = { extends: path.resolve('tsconfig.json'), include: ['*.ts'] }
writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
for (const [i, code] of snippets.entries()) writeFileSync(path.join(folder, `snippet-${i + 1}.ts`), code)
writeFileSync(path.join(folder, 'all.ts'), snippets.map((_, i) => `await import('./snippet-${i + 1}.js')\n`).join(''))

test('the snippets of docs/onnx.md run one after another: write, continue a text in ONNX Runtime, run', () => {
  expect(snippets).toHaveLength(3)
  const all = path.join(folder, 'all.ts')
  const said = execFileSync(process.execPath, ['--import', 'tsx', all], { cwd: folder, encoding: 'utf8' })
  const [tokens, inputs] = said.split(/(?<=\])\n/)
  expect(tokens.match(/\d+/g)).toHaveLength(20)
  expect(inputs).toContain('tokens [batch,steps]')
  expect(said).toMatch(/\[ 1, 3, \d+ \]\n$/)
})

test('the snippets of docs/onnx.md pass the strict compiler', () => {
  execFileSync(process.execPath, [path.resolve('node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'pipe' })
})

test('docs/onnx.md lists the operators that there are', () => {
  const [, list] = /which exporters write: ([\s\S]*?)\. Everything else/.exec(text)!
  const listed = list.replace(/\s*\([^)]*\)/g, '').split(/,\s+/)
  expect(listed).toEqual(Object.keys({ ...shapeOperators, ...mathOperators }).sort())
})
