import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { pythonWith } from './python.js'

// docs/pytorch.md, from its first program to its last. The folder is inside the project, so that programs find the package.
mkdirSync('dist', { recursive: true })
const folder = mkdtempSync(path.resolve('dist/pytorch-docs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const text = readFileSync('docs/pytorch.md', 'utf8')
const programs = [...text.matchAll(/```(python|ts|js)\n([\s\S]*?)```/g)].map(([, language, code]) => ({
  language,
  code,
}))
const [save, read, page, train, load, saveOwn, readOwn] = programs

/** What a program prints; fails if it fails. */
function printed(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, UNROLLED_OFFLINE: '1', ...env } } as const
  const { status, stdout, stderr } = spawnSync(command, args, options)
  expect(status, stderr).toBe(0)
  // A text may end with spaces.
  return stdout.replace(/\r?\n$/, '')
}

/** The programs have no types of their own, so that Node runs them as they are. */
function inNode({ code }: { code: string }, before = ''): string {
  writeFileSync(path.join(folder, 'program.js'), before + code)
  return printed(process.execPath, ['program.js'])
}

/** Answers of a server that has the folder. */
const server = `
import { readFile } from 'node:fs/promises'
globalThis.fetch = async (file) => new Response(await readFile(file))
`

const python = pythonWith('torch')

/** What one of the page's programs prints in Python. */
function inPython(name: string, { code }: { code: string }, paths: readonly string[] = []): string {
  writeFileSync(path.join(folder, name), code)
  const known = process.env.PYTHONPATH ? [process.env.PYTHONPATH] : []
  return printed(python!, [name], { PYTHONPATH: [...known, ...paths].join(path.delimiter) })
}

test('docs/pytorch.md has its seven programs', () => {
  expect(programs.map(({ language }) => language)).toEqual(['python', 'ts', 'js', 'ts', 'python', 'python', 'ts'])
})

test.skipIf(!python)(
  'a reader’s model makes the same text in PyTorch, here, and in a page; and one of here in PyTorch (skipped where no Python has PyTorch)',
  () => {
    // Where the package safetensors is missing, our reading of its description takes its place.
    mkdirSync(path.join(folder, 'stand-in/safetensors'), { recursive: true })
    const standIn = 'from read_safetensors import load_by_specification as load_file\n'
    writeFileSync(path.join(folder, 'stand-in/safetensors/torch.py'), standIn)
    const paths = [
      path.resolve('test/fixtures'),
      ...(pythonWith('torch', 'safetensors') === python ? [] : [path.join(folder, 'stand-in')]),
    ]

    // Some models that have learned nothing write only <unk>, which is five characters.
    const theirs = inPython('book.py', { code: `import torch\ntorch.manual_seed(1)\n${save.code}` })
    expect(theirs).toMatch(/^time traveller .{50}$/)
    expect(inNode(read)).toBe(theirs)
    expect(inNode(page, server)).toBe(theirs)
    const ours = inNode(train)
    expect(ours).toMatch(/^time traveller .{50}$/)
    expect(inPython('load.py', load, paths)).toBe(ours)
  },
)

test.skipIf(!python)(
  'a module that is no language model has the same outputs here (skipped where no Python has PyTorch)',
  () => {
    const theirs = JSON.parse(inPython('own.py', saveOwn))
    writeFileSync(path.join(folder, 'own.ts'), readOwn.code)
    const ours = JSON.parse(printed(process.execPath, ['--import', 'tsx', 'own.ts']))
    expect(ours).toHaveLength(1)
    for (const [i, score] of theirs[0].entries()) expect(ours[0][i]).toBeCloseTo(score, 5)

    // The way of the command.
    printed(process.execPath, [path.resolve('dist/cli/main.js'), 'import', 'own.pt', '--out', 'own.safetensors'])
    const viaFile = readOwn.code
      .replace(/^net\.loadStateDict.*$/m, "await loadStateDict('own.safetensors', net)")
      .replace('Linear, LSTM', 'Linear, loadStateDict, LSTM')
    expect(viaFile).not.toBe(readOwn.code)
    writeFileSync(path.join(folder, 'own-file.ts'), viaFile)
    expect(JSON.parse(printed(process.execPath, ['--import', 'tsx', 'own-file.ts']))).toEqual(ours)
  },
)
