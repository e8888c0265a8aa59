import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DataError } from '../core/errors.js'
import { loadCorpus } from './load-corpus.js'
import { loadText } from './load-text.js'
import { readText } from './read-text.js'
import { openSources } from './sources.js'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Makes files, each with its own path as its text. */
async function make(...files: string[]) {
  for (const file of files) {
    await mkdir(path.dirname(at(file)), { recursive: true })
    await writeFile(at(file), file)
  }
}
const filesOf = async (source: string) => {
  const { files, close } = await openSources(source, 'test')
  await close()
  return files.map(({ path: place }) => path.relative(folder, place))
}

describe('a directory', () => {
  test('its .txt files and those within it, in the order of their paths, whatever their case', async () => {
    await make('books/b.TXT', 'books/a/z.txt', 'books/a/A.Txt', 'books/a.txt', 'books/a/b/c.txt', 'books/c.md')
    const sorted = ['books/a.txt', 'books/a/A.Txt', 'books/a/b/c.txt', 'books/a/z.txt', 'books/b.TXT']
    expect(await filesOf(at('books'))).toEqual(sorted)
    expect(await readText(at('books'))).toBe(sorted.join('\n'))
    expect(await filesOf(`${at('books')}/`)).toEqual(sorted)
  })

  test('hidden files and directories are left out, unless they are named', async () => {
    await make('.books/a.txt', '.books/.b.txt', '.books/.git/c.txt', '.books/d/.e/f.txt')
    expect(await filesOf(at('.books'))).toEqual(['.books/a.txt'])
  })

  test.skipIf(process.platform === 'win32')('links that lead back to it, or to one place twice', async () => {
    await make('books/a.txt', 'books/more/b.txt', 'elsewhere/c.txt', 'elsewhere/d.txt')
    await symlink(at('books'), at('books', 'more', 'back'))
    await symlink(at('books', 'more'), at('books', 'more', 'self'))
    for (const name of ['link-3', 'link-1', 'link-2']) await symlink(at('elsewhere'), at('books', name))
    await symlink(at('elsewhere', 'd.txt'), at('books', 'd.txt'))
    expect(await filesOf(at('books'))).toEqual([
      ...['books/a.txt', 'books/d.txt', 'books/link-1/c.txt', 'books/link-1/d.txt', 'books/more/b.txt'],
    ])
  })

  test.skipIf(process.platform === 'win32')(
    'a link to a text that is not there is no reason to leave it out',
    async () => {
      await make('books/a.txt')
      await symlink(at('nowhere'), at('books', 'b.txt'))
      await expect(readText(at('books'))).rejects.toThrow(`${at('books', 'b.txt')}: there is no such file`)
    },
  )

  test('without texts: a DataError', async () => {
    await make('books/a.md', 'books/.b.txt')
    await expect(readText(at('books'))).rejects.toThrow(DataError)
    await expect(readText(at('books'))).rejects.toThrow('the directory has no .txt files, nor have those within it')
  })
})

describe('errors name the function that was called', () => {
  const short = { batchSize: 2, numSteps: 8 }
  test.each(Object.entries({ loadText, loadCorpus }))('%s', async (name, load) => {
    await make('a.txt')
    const failing: [sources: string | string[], options: object, message: string][] = [
      [[], {}, 'no text is named'],
      [['-', '-'], {}, "'-', standard input, is named twice"],
      [at('a.txt'), { maxTokens: 0 }, 'maxTokens is 0'],
      [at('a.txt'), { minFreq: -1 }, 'minFreq is -1'],
      [at('a.txt'), { tokens: 'letter' }, "tokens is 'letter'"],
    ]
    for (const [sources, options, message] of failing) {
      await expect(load(sources, { ...(name === 'loadText' && short), ...options }), message).rejects.toThrow(
        `${name}: ${message}`,
      )
    }
    await writeFile(at('a.txt'), 'a'.repeat(2 ** 21))
    await expect(load(at('a.txt'), { ...(name === 'loadText' && short), tokens: 'word' })).rejects.toThrow(
      `${name}: the text has a word`,
    )
  })

  test('of what only one of them does', async () => {
    await make('a.txt')
    await expect(loadText(at('a.txt'), short)).rejects.toThrow('loadText: the text has 5 tokens, expected at least 25')
    await expect(loadText(at('a.txt'), { batchSize: 0 })).rejects.toThrow('loadText: batchSize is 0')
    await expect(readText([] as unknown as string)).rejects.toThrow('readText: no text is named')
  })
})
