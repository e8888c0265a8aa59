import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DataError, FormatError, UnrolledError } from '../core/errors.js'
import { cleanLines } from '../data/text.js'
import { Vocab } from '../data/vocab.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { predict } from '../generate/generate.js'
import { GRU } from '../nn/gru.js'
import { LSTM } from '../nn/lstm.js'
import { RNNModel } from '../nn/model.js'
import { RNN } from '../nn/rnn.js'
import { loadText } from './load-text.js'
import { loadModel, saveModel } from './model-folder.js'
import { readText } from './read-text.js'
import { loadTimeMachine } from './time-machine.js'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const text = 'It was a bright cold day in April, and the clocks were striking thirteen.\n'.repeat(5)
const small = { batchSize: 2, numSteps: 5 }

describe('loadText', () => {
  test('a file, a directory, or several', async () => {
    await mkdir(at('books'))
    await writeFile(at('books', 'b.txt'), 'second')
    await writeFile(at('books', 'a.txt'), '\uFEFFfirst')
    await writeFile(at('books', 'c.md'), 'not this')
    await writeFile(at('one.txt'), text)
    const { vocab, corpus } = await loadText([at('books'), at('one.txt')], small)
    expect(vocab.decode(corpus.subarray(0, 15)).join('')).toBe('first\nsecond\nIt')
    expect((await loadText(at('one.txt'), small)).corpus.length).toBeGreaterThan(300)
  })

  test.each([
    ['a missing file', 'none.txt', undefined, 'no such file'],
    ['an empty file', 'empty.txt', '', 'empty'],
    [
      'bytes that are not UTF-8',
      'latin.txt',
      Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x20]),
      'not UTF-8 text from byte 3',
    ],
    ['a character cut off at the end', 'cut.txt', Buffer.from('né').subarray(0, 2), 'not UTF-8 text from byte 1'],
    ['a short text', 'short.txt', 'abc', 'the text has 3 tokens'],
  ])('%s: a DataError', async (_name, file, content, message) => {
    if (content !== undefined) await writeFile(at(file), content)
    await expect(loadText(at(file), small)).rejects.toThrow(DataError)
    await expect(loadText(at(file), small)).rejects.toThrow(message)
  })

  test('a directory without texts: a DataError', async () => {
    await expect(loadText(folder, small)).rejects.toThrow('no .txt files')
  })
})

describe('loadTimeMachine', () => {
  const dataFolder = process.env.UNROLLED_DATA ?? ''
  beforeEach(() => vi.stubEnv('UNROLLED_DATA', ''))

  let server: Server
  const serve = async (listener: RequestListener) => {
    server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }
  afterEach(() => {
    vi.unstubAllEnvs()
    server?.closeAllConnections()
    server?.close()
  })
  const sha1 = createHash('sha1').update(text).digest('hex')
  // Soon enough for mirrors that never answer; late enough for one that answers, on a busy machine, after others hung.
  const [soon, late, never] = [300, 5000, 60_000]
  const options = () => ({ ...small, cacheDir: at('cache'), sha1, timeout: soon })
  /** Where the answer comes, however busy the machine is. */
  const patient = () => ({ ...options(), timeout: never })

  test('downloads, verifies, reports its progress, and keeps the file', async () => {
    let asked = 0
    const address = await serve((_request, response) => {
      asked++
      response.end(text)
    })
    const progress: number[] = []
    const onProgress = ({ received }: { received: number }) => progress.push(received)
    const first = await loadTimeMachine({ ...patient(), mirrors: [address], onProgress })
    expect(first.source).toContain('downloaded')
    expect(progress.at(-1)).toBe(text.length)
    expect(await readFile(at('cache', 'timemachine.txt'), 'utf8')).toBe(text)
    const second = await loadTimeMachine({ ...options(), mirrors: [address] })
    expect(second.source).toContain(at('cache'))
    expect(asked).toBe(1)
  })

  test('a signal ends the wait for a mirror, whether it is silent or slow', async () => {
    for (const beginning of ['', text.slice(0, 9)]) {
      const abort = new AbortController()
      const address = await serve((_request, response) => {
        if (beginning !== '') response.write(beginning)
        setTimeout(() => abort.abort(), 50)
      })
      const loading = loadTimeMachine({ ...patient(), mirrors: [address], signal: abort.signal })
      await expect(loading).rejects.toMatchObject({ name: 'AbortError' })
      server?.closeAllConnections()
      server?.close()
    }
    await expect(loadTimeMachine({ ...patient(), mirrors: [], signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })

  test('a torn file of an earlier download is removed', async () => {
    const address = await serve((_request, response) => response.end(text))
    await mkdir(at('cache'))
    await writeFile(at('cache', 'timemachine.txt.0123abcd.tmp'), 'torn')
    await utimes(at('cache', 'timemachine.txt.0123abcd.tmp'), 1e9, 1e9)
    await loadTimeMachine({ ...patient(), mirrors: [address] })
    expect(await readdir(at('cache'))).toEqual(['timemachine.txt'])
  })

  test('skips mirrors that fail, send another file, stop early or hang; nothing broken is kept', async () => {
    const address = await serve((request, response) => {
      if (request.url === '/missing') response.writeHead(404).end('no')
      else if (request.url === '/wrong') response.end('another text')
      else if (request.url === '/short')
        response.writeHead(200, { 'content-length': text.length }).write(text.slice(0, 9), () => response.destroy())
      else if (request.url === '/hangs') response.writeHead(200).write('a')
      else if (request.url === '/good') response.end(text)
    })
    const broken = ['missing', 'wrong', 'short', 'hangs', 'silent'].map((name) => address + name)
    const embedded = await loadTimeMachine({ ...options(), mirrors: broken })
    expect(embedded.source).toMatch(/Moby Dick.*could not be downloaded/)
    expect(existsSync(at('cache', 'timemachine.txt'))).toBe(false)
    const good = await loadTimeMachine({ ...options(), timeout: late, mirrors: [...broken, `${address}good`] })
    expect(good.source).toContain('downloaded')
  })

  test('mirrors are asked at once, so that silent ones cost one time-out together', async () => {
    const waiting: ServerResponse[] = []
    const address = await serve((_request, response) => {
      // Asked one after another, the third would come when the first was given up.
      if (waiting.push(response) === 3) for (const one of waiting) one.end(text)
    })
    const { source } = await loadTimeMachine({ ...patient(), mirrors: ['1', '2', '3'].map((name) => address + name) })
    expect(source).toContain('downloaded')
  })

  test('a mirror that trickles is given up', async () => {
    let trickle: NodeJS.Timeout | undefined
    const address = await serve((_request, response) => {
      trickle = setInterval(() => response.write('a'), 10)
    })
    // It may take twenty times as long as the silence that is borne.
    const { source } = await loadTimeMachine({ ...options(), timeout: soon / 3, mirrors: [address] })
    clearInterval(trickle)
    expect(source).toContain('Moby Dick')
  })

  test('several at once do no harm', async () => {
    const address = await serve((_request, response) => response.end(text))
    const load = () => loadTimeMachine({ ...patient(), mirrors: [address] })
    const loaded = await Promise.all([load(), load(), load(), load()])
    for (const { corpus } of loaded) expect(corpus).toEqual(loaded[0].corpus)
    expect(await readdir(at('cache'))).toEqual(['timemachine.txt'])
    expect(await readFile(at('cache', 'timemachine.txt'), 'utf8')).toBe(text)
  })

  test('a broken file in the cache is not believed', async () => {
    await mkdir(at('cache'))
    await writeFile(at('cache', 'timemachine.txt'), 'broken')
    expect((await loadTimeMachine({ ...options(), mirrors: [] })).source).toContain('Moby Dick')
  })

  test('a path comes first, and must be readable', async () => {
    await writeFile(at('mine.txt'), text)
    const { source, vocab } = await loadTimeMachine({ ...options(), path: at('mine.txt') })
    expect(source).toContain('mine.txt')
    expect(vocab.has('b')).toBe(true)
    await expect(loadTimeMachine({ ...options(), path: at('none.txt') })).rejects.toThrow(DataError)
  })

  test('the embedded text trains like the book’s: 28 characters, 10,000 tokens', async () => {
    const { vocab, corpus } = await loadTimeMachine({ cacheDir: at('cache'), mirrors: [] })
    expect(vocab.size).toBe(28)
    expect(corpus.length).toBe(10_000)
    expect(vocab.decode(corpus.subarray(0, 31)).join('')).toBe('chapter loomingscall me ishmael')
  })

  const known = existsSync(path.join(dataFolder, 'timemachine.txt'))
  test.skipIf(!known)(
    'the book’s text has the book’s figures (skipped where UNROLLED_DATA has no timemachine.txt)',
    async () => {
      vi.stubEnv('UNROLLED_DATA', dataFolder)
      const lines = cleanLines(await readText(path.join(dataFolder, 'timemachine.txt')))
      expect([lines.length, lines[0]]).toEqual([3221, 'the time machine by h g wells'])
      const all = { cacheDir: at('cache'), mirrors: [], maxTokens: Infinity }
      const characters = await loadTimeMachine(all)
      expect(characters.source).toContain(path.resolve(dataFolder))
      expect(characters.corpus.length).toBe(170_580)
      expect(characters.vocab.tokens.join('')).toBe('<unk> etainoshrdlmucfwgypbvkxzjq')
      const words = await loadTimeMachine({ ...all, tokens: 'word' })
      expect([words.corpus.length, words.vocab.size]).toEqual([32_775, 4_580])
    },
  )
})

describe('a saved model', () => {
  const vocab = Vocab.count('time traveller')
  const sizes = { inputSize: vocab.size, hiddenSize: 4 }
  const make = () => new RNNModel(new LSTM({ ...sizes, numLayers: 2 }), vocab.size)

  test.each([
    ['rnn', new RNNModel(new RNN({ ...sizes, nonlinearity: 'relu' }), vocab.size)],
    ['gru', new RNNModel(new GRU({ ...sizes, bias: false }), vocab.size)],
    ['lstm', make()],
  ])('%s: comes back as it was', async (cell, model) => {
    await saveModel(at('model'), model as RNNModel, vocab, { epochs: 3 })
    expect((await readdir(folder)).length).toBe(1)
    const loaded = await loadModel(at('model'))
    expect(loaded.config).toMatchObject({ cell, hiddenSize: 4, training: { epochs: 3 } })
    expect(loaded.vocab.tokens).toEqual(vocab.tokens)
    expect(loaded.model.stateDict()).toEqual(model.stateDict())
    expect(await predict('time', 20, loaded.model, vocab)).toBe(await predict('time', 20, model as RNNModel, vocab))
  })

  test('replaces an older model and keeps the other files in its folder', async () => {
    await saveModel(at('model'), make(), vocab)
    await writeFile(at('model', 'notes.md'), 'mine')
    const newer = make()
    await saveModel(at('model'), newer, vocab)
    expect((await loadModel(at('model'))).model.stateDict()).toEqual(newer.stateDict())
    expect(await readFile(at('model', 'notes.md'), 'utf8')).toBe('mine')
  })

  test('a save cut off between its renames leaves the older one to be loaded', async () => {
    const model = make()
    await saveModel(at('model'), model, vocab)
    await rename(at('model'), at('model.0123abcd.previous'))
    expect((await loadModel(at('model'))).model.stateDict()).toEqual(model.stateDict())
  })

  test('a folder of something else is left alone', async () => {
    await writeFile(at('thesis.doc'), 'years of work')
    await expect(saveModel(folder, make(), vocab)).rejects.toThrow('holds other files')
    await writeFile(at('file'), '')
    await expect(saveModel(at('file'), make(), vocab)).rejects.toThrow('expected a folder')
    expect((await readdir(folder)).sort()).toEqual(['file', 'thesis.doc'])
  })

  test('a vocabulary of another size is not saved', async () => {
    await expect(saveModel(at('model'), make(), Vocab.count('ab'))).rejects.toThrow(DataError)
  })

  const change = async (name: string, edit: (json: Record<string, unknown>) => unknown) => {
    const file = at('model', name)
    await writeFile(file, JSON.stringify(edit(JSON.parse(await readFile(file, 'utf8')))))
  }
  test.each([
    ['config.json is missing', () => rm(at('model', 'config.json')), 'config.json is missing'],
    ['model.safetensors is missing', () => rm(at('model', 'model.safetensors')), 'model.safetensors is missing'],
    ['no JSON', () => writeFile(at('model', 'vocab.json'), 'x'), 'not JSON'],
    ['another format', () => change('config.json', (config) => ({ ...config, format: 'x' })), 'format'],
    ['a huge hiddenSize', () => change('config.json', (config) => ({ ...config, hiddenSize: 1e15 })), 'weight_ih_l0'],
    ['a huge numLayers', () => change('config.json', (config) => ({ ...config, numLayers: 1e9 })), 'layers'],
    ['one layer more', () => change('config.json', (config) => ({ ...config, numLayers: 3 })), 'missing'],
    ['another cell', () => change('config.json', (config) => ({ ...config, cell: 'gru' })), 'weight_ih_l0'],
    [
      'a vocabulary of another size',
      () => change('vocab.json', () => ({ kind: 'char', tokens: ['<unk>', 'a'] })),
      'has 2 tokens',
    ],
    [
      'a token twice',
      () =>
        change('vocab.json', ({ tokens, ...rest }) => ({
          ...rest,
          tokens: (tokens as string[]).with(2, (tokens as string[])[1]),
        })),
      'twice',
    ],
    ['tokens that are numbers', () => change('vocab.json', () => ({ kind: 'char', tokens: [1] })), 'tokens'],
  ])('%s: a FormatError', async (_name, damage, message) => {
    await saveModel(at('model'), make(), vocab)
    await damage()
    await expect(loadModel(at('model'))).rejects.toThrow(FormatError)
    await expect(loadModel(at('model'))).rejects.toThrow(message)
  })

  test('NaN weights: a FormatError', async () => {
    const model = make()
    await saveModel(at('model'), model, vocab)
    const { sha256: _, ...config } = JSON.parse(await readFile(at('model', 'config.json'), 'utf8'))
    await writeFile(at('model', 'config.json'), JSON.stringify(config))
    model.parameters()[3].data[2] = Number.NaN
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors(model.stateDict()))
    await expect(loadModel(at('model'))).rejects.toThrow('not finite')
  })

  test('no folder, or a file: a DataError', async () => {
    await expect(loadModel(at('none'))).rejects.toThrow('no such folder')
    await writeFile(at('file'), '')
    await expect(loadModel(at('file'))).rejects.toThrow('expected the folder')
  })

  test('any changed byte of any of its files gives a typed error or a model', async () => {
    await saveModel(at('model'), make(), vocab)
    const names = ['config.json', 'vocab.json', 'model.safetensors']
    const originals = await Promise.all(names.map((name) => readFile(at('model', name))))
    const edits = fc.record({ file: fc.nat(2), at: fc.nat(), to: fc.nat(255), cut: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(edits, async ({ file, at: place, to, cut }) => {
        const bytes = Buffer.from(originals[file])
        bytes[place % bytes.length] = to
        await writeFile(at('model', names[file]), cut ? bytes.subarray(0, place % bytes.length) : bytes)
        await loadModel(at('model')).catch((error) => expect(error).toBeInstanceOf(UnrolledError))
        await writeFile(at('model', names[file]), originals[file])
      }),
      { numRuns: 300 },
    )
  })
})
