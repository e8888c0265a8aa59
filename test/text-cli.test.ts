import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BuiltCommand } from './built-command.js'

// Tests of how the built command treats texts. `npm test` builds it first.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-text-'))
const at = (...names: string[]) => path.join(folder, ...names)
const env = { ...process.env, UNROLLED_OFFLINE: '1', UNROLLED_CACHE: at('cache'), UNROLLED_DATA: '' }
const command = new BuiltCommand(folder, env)
const run = (...args: string[]) => command.run(...args)
/** The output of a command that succeeds. */
const printed = (...args: string[]) => {
  const { status, stdout, stderr } = run(...args)
  expect(status, stderr).toBe(0)
  return stdout
}
/** The message of a command that refuses something. */
const refusal = (...args: string[]) => {
  const { status, stderr } = run(...args)
  expect(status, stderr).toBe(2)
  return stderr
}
const trainingOf = (model: string) => JSON.parse(readFileSync(at(model, 'config.json'), 'utf8')).training
const tokensOf = (model: string): string[] => JSON.parse(readFileSync(at(model, 'vocab.json'), 'utf8')).tokens

const small = ['--hidden-size', '8', '--batch-size', '2', '--num-steps', '8', '--epochs', '1']
const german = 'Über den Wolken muß die Freiheit\nwohl grenzenlos sein.\n'.repeat(20)
// Each line has two quotes, an apostrophe and a dash in windows-1252, where Latin-1 has control characters.
const windows = Buffer.concat(
  Array.from({ length: 40 }, () => Buffer.from('\x93It\x92s a caf\xe9\x94 \x96 he said.\n', 'latin1')),
)

beforeAll(() => {
  writeFileSync(at('german.txt'), german)
  writeFileSync(at('russian.txt'), 'Все счастливые семьи похожи друг на друга.\n'.repeat(20))
  writeFileSync(at('windows.txt'), windows)
  writeFileSync(at('utf16.txt'), Buffer.from(german, 'utf16le'))
})
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('cleaning', () => {
  test('a user’s own text is used whole and unchanged', () => {
    const stdout = printed('train', 'german.txt', ...small, '--out', 'german')
    expect(stdout).toContain(`german.txt (${[...german].length.toLocaleString('en')} tokens)`)
    expect(stdout).not.toMatch(/cleaned:|cut:/)
    expect(tokensOf('german').slice(1).sort()).toEqual([...new Set(german)].sort())
    expect(trainingOf('german')).toMatchObject({ clean: false, maxTokens: 'all' })
    printed('train', 'russian.txt', ...small, '--out', 'russian')
    expect(tokensOf('russian')).toContain('ж')
  })

  test('--clean applies the book’s cleaning, and the output says what it changed', () => {
    // In each of the 20 repetitions, Ü, ß, the full stop and two line breaks are replaced, and W and F lowered.
    const stdout = printed('train', 'german.txt', '--clean', '--max-tokens', '500', ...small, '--out', 'cleaned')
    const kept = german.replace(/[^A-Za-z ]/g, '').length
    expect(stdout).toContain(
      `\ncleaned: 100 characters other than A–Z became spaces or were dropped, 40 capitals became lower case; cut: the first 500 of ${kept.toLocaleString('en')} tokens\n`,
    )
    expect(trainingOf('cleaned')).toMatchObject({ clean: true, maxTokens: 500 })
    expect(tokensOf('cleaned')).not.toContain('ü')
    for (const command of [
      ['data', 'german.txt', '--clean'],
      ['eval', 'cleaned', 'german.txt'],
    ]) {
      expect(printed(...command)).toContain('\ncleaned: 100 characters other than A–Z')
      expect(JSON.parse(printed(...command, '--json')).changes).toEqual({ replaced: 100, lowered: 40, cut: 0 })
    }
  })

  test('The Time Machine is cleaned and cut, unless --no-clean says otherwise', () => {
    const sizes = [...small, '--hidden-size', '4', '--batch-size', '32', '--num-steps', '35']
    expect(printed('train', ...sizes, '--out', 'book')).toMatch(
      /^cleaned: [\d,]+ characters other than A–Z became .*; cut: the first 10,000 of [\d,]+ tokens$/m,
    )
    expect(trainingOf('book')).toMatchObject({ clean: true, maxTokens: 10_000 })
    expect(printed('train', '--no-clean', ...sizes, '--out', 'book-as-it-is')).not.toContain('cleaned:')
    expect(tokensOf('book-as-it-is')).toContain('T')
    expect(trainingOf('book-as-it-is')).toMatchObject({ clean: false })
  })

  test('if cleaning leaves nothing, the message says so and what to do', () => {
    for (const command of [
      ['train', 'russian.txt', ...small],
      ['data', 'russian.txt'],
    ]) {
      expect(refusal(...command, '--clean')).toMatch(
        /^error: russian\.txt: cleaning leaves nothing of the text, .*--no-clean/,
      )
    }
  })
})

describe('--encoding', () => {
  test('sets the encoding of a text, and a resumed training remembers it', () => {
    printed('train', 'windows.txt', '--encoding', 'windows-1252', ...small, '--out', 'windows')
    expect(tokensOf('windows')).toEqual(expect.arrayContaining(['“', '”', '’', '–', 'é']))
    expect(trainingOf('windows')).toMatchObject({ encoding: 'windows-1252' })
    printed('train', '--resume', 'windows', '--epochs', '2')
    expect(refusal('train', '--resume', 'windows', '--encoding', 'utf-8')).toContain('--encoding cannot be changed')
  })

  test('also works for data, eval and calibrate', () => {
    const encoding = ['--encoding', 'windows-1252']
    expect(printed('data', 'windows.txt', ...encoding)).toContain('"’"')
    expect(JSON.parse(printed('eval', 'windows', 'windows.txt', ...encoding, '--json')).unknown).toBe(0)
    printed('calibrate', 'windows', 'windows.txt', ...encoding, '--split', 'all', '--out', 'calibrated')
  })

  test.each([
    ['utf16.txt', /--encoding (utf-16le)\)/],
    ['windows.txt', /--encoding (windows-1252)\)/],
  ])('%s is refused without it, with advice that works', (file, advice) => {
    const [, encoding] = advice.exec(refusal('data', file))!
    expect(printed('data', file, '--encoding', encoding)).not.toMatch(/[^\P{Cc}\n]/u)
    for (const command of [
      ['train'],
      ['eval', 'windows'],
      ['calibrate', 'windows', '--split', 'all', '--out', 'new'],
    ]) {
      expect(refusal(...command, file)).toMatch(advice)
    }
  })

  test('unknown ones are refused, and so is one without a text', () => {
    expect(refusal('train', 'german.txt', '--encoding', 'latin-13')).toMatch(/^error: train: --encoding is 'latin-13'/)
    expect(refusal('data', 'german.txt', '--encoding', 'latin-13')).toMatch(/^error: data: --encoding is 'latin-13'/)
    expect(refusal('train', '--encoding', 'utf-8')).toMatch(/^error: train: --encoding goes with a text/)
  })
})

test('for a text that is too short, the message names the part that is', () => {
  writeFileSync(at('short.txt'), 'abcdefghij')
  const { batch, validation } = { batch: ['--batch-size', '1', '--num-steps'], validation: ['--validation', '0.1'] }
  expect(refusal('train', 'short.txt', ...batch, '10')).toContain('train: the text has 10 tokens, expected at least')
  expect(refusal('train', 'short.txt', ...batch, '8', '--test', '0.5')).toContain(
    'train: the training part of the text has 5 tokens',
  )
  expect(refusal('train', 'short.txt', ...batch, '2', ...validation)).toContain(
    'train: the validation part of the text has 1 token,',
  )
})

test('a folder is read with its subfolders', () => {
  mkdirSync(at('books', 'more'), { recursive: true })
  writeFileSync(at('books', 'A.TXT'), 'first')
  writeFileSync(at('books', 'more', 'b.txt'), 'second')
  expect(JSON.parse(printed('data', 'books', '--json'))).toMatchObject({ files: 2, tokens: 'first\nsecond'.length })
})
