import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  bytesOf,
  dictionary,
  named,
  pickle,
  storage,
  tensor,
  text,
  torchFile,
  tuple,
  whole,
} from '../../../test/pickles.js'
import { FormatError } from '../../core/errors.js'
import { importTensors } from '../import.js'
import { sourceOf } from '../source.js'
import { unpickle } from './pickle.js'
import { readTorchFile } from './torch-file.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-pickle-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (content: Uint8Array) => importTensors(torchFile(content))

/** The message of the FormatError with which a pickle is refused; fails if it is read, or ends in another error. */
async function refusal(content: Uint8Array): Promise<string> {
  const result = await read(content).catch((error: unknown) => error)
  expect(result).toBeInstanceOf(FormatError)
  return (result as FormatError).message
}

const canary = path.join(folder, 'canary')
const command = text(`touch ${canary}`)
const code = text(`__import__('os').system('touch ${canary}')`)
const system = named('posix', 'system')
const setState = (object: Uint8Array) => bytesOf(object, '}', text('__setstate__'), system, 'sb', command, 'b')
const dictionaryOf = bytesOf(named('collections', 'OrderedDict'), ')R')

/** Pickles that run a command when Python reads them. */
const dangerous: Record<string, Uint8Array> = {
  'protocol 0, GLOBAL and REDUCE': bytesOf('cposix\nsystem\n(', `S'touch ${canary}'\n`, 'tR.'),
  'GLOBAL and REDUCE': pickle(system, command, 0x85, 'R'),
  'STACK_GLOBAL and REDUCE': bytesOf(0x80, 4, 0x8c, 5, 'posix', 0x8c, 6, 'system', 0x93, command, 0x85, 'R.'),
  eval: pickle(named('__builtin__', 'eval'), code, 0x85, 'R'),
  INST: pickle('(', command, 'iposix\nsystem\n'),
  OBJ: pickle('(', system, command, 'o'),
  'NEWOBJ and REDUCE': pickle(
    named('__builtin__', 'list'),
    named('__builtin__', 'map'),
    system,
    ']',
    command,
    'a',
    0x86,
    0x81,
    0x85,
    'R',
  ),
  'BUILD with a __setstate__ of the pickle': pickle(setState(bytesOf(named('argparse', 'Namespace'), ')R'))),
  'BUILD of an OrderedDict': pickle(setState(dictionaryOf)),
  'in a value beside tensors': pickle('}(', text('a'), system, command, 0x85, 'R', 'u'),
  'in an argument of what is allowed': pickle(
    named('collections', 'OrderedDict'),
    ')R',
    '(',
    text('a'),
    system,
    command,
    0x85,
    'Ru',
  ),
  'an object that POP drops': pickle(system, command, 0x85, 'R0}'),
  'a dotted name': bytesOf(0x80, 4, 0x8c, 2, 'os', 0x8c, 14, 'path.os.system', 0x93, command, 0x85, 'R.'),
}

// Python shows that the corpus is what it claims to be.
const noPython = spawnSync('python3', ['--version']).status !== 0

const script = `
import os, pickle, sys
for name in os.listdir(sys.argv[1]):
    try:
        pickle.load(open(os.path.join(sys.argv[1], name), "rb"))
    except Exception:
        pass
    if os.path.exists(sys.argv[2]):
        os.remove(sys.argv[2])
        print(name)`

test.skipIf(noPython)('Python runs the command of each dangerous pickle (skipped without python3)', () => {
  const pickles = mkdtempSync(path.join(folder, 'dangerous-'))
  for (const [name, content] of Object.entries(dangerous)) writeFileSync(path.join(pickles, name), content)
  const ran = execFileSync('python3', ['-c', script, pickles, canary], { encoding: 'utf8' })
  expect(ran.trim().split('\n').sort()).toEqual(Object.keys(dangerous).sort())
})

const ones = Array.from({ length: 65 }, () => 1)
/** The same bytes again and again. */
const chain = (link: string, times: number) => bytesOf(link.repeat(times))

/** Pickles that claim what is not there, or that would take memory or time without end. */
const hostile: Record<string, [Uint8Array, RegExp]> = {
  'no STOP': [bytesOf(0x80, 2, 'N'), /ends where 1 bytes more/],
  'nothing at all': [bytesOf(), /no pickle of protocols 2 to 5/],
  'protocol 6': [bytesOf(0x80, 6, 'N.'), /no pickle of protocols 2 to 5/],
  'bytes after STOP': [pickle('}.'), /left over/],
  'two objects': [pickle('}}'), /left over/],
  'a mark left over': [pickle('}('), /stack of the pickle is empty/],
  'an empty stack': [pickle(0x85), /stack of the pickle is empty/],
  'a pop below a mark': [pickle('}(', 0x85), /stack of the pickle is empty/],
  'no mark': [pickle('t'), /has no mark/],
  'a text of 4 GB': [pickle('X', 0xff, 0xff, 0xff, 0xff), /4294967295 bytes more/],
  'BINUNICODE8 of 2^63 bytes': [pickle(0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80), /opcode 0x8d/],
  'BINBYTES8 of 2^63 bytes': [pickle(0x8e, 0, 0, 0, 0, 0, 0, 0, 0x80), /opcode 0x8e/],
  'BYTEARRAY8 of 2^63 bytes': [pickle(0x96, 0, 0, 0, 0, 0, 0, 0, 0x80), /opcode 0x96/],
  'LONG4 of 2 GB': [pickle(0x8b, 0xff, 0xff, 0xff, 0x7f), /opcode 0x8b/],
  'LONG1 beyond the end': [pickle(0x8a, 0xff), /255 bytes more/],
  'a frame of 2^63 bytes': [pickle(0x95, 0, 0, 0, 0, 0, 0, 0, 0x80, 'N'), /frame is longer/],
  'text that is not UTF-8': [pickle('X', 1, 0, 0, 0, 0xff), /not UTF-8/],
  'a name without an end': [bytesOf(0x80, 2, 'ccollections'), /name has no end/],
  EXT1: [pickle(0x82, 1), /opcode 0x82/],
  EXT4: [pickle(0x84, 1, 0, 0, 0), /opcode 0x84/],
  'a memo that is not there': [pickle('j', 0xff, 0xff, 0xff, 0xff), /object 4294967295 is named before/],
  'a key twice': [pickle('}(', text('a'), tensor(), text('a'), tensor(), 'u'), /'a' twice/],
  '__proto__ as a key': [pickle(dictionary({ ['__proto__']: tensor() })), /__proto__/],
  'a key without a value': [pickle('}(', text('a'), 'u'), /a value for each key/],
  'an item of a list': [pickle(']', text('a'), 'Ns'), /expected a dictionary/],
  'a value in a tuple': [pickle(')Na'), /expected a list/],
  'a dictionary in itself': [pickle('}q', 0, text('a'), 'h', 0, 's'), /no state dict is/],
  'a list in itself': [pickle(']q', 0, 'h', 0, 'a'), /holds an array/],
  '200,000 lists in one another': [pickle(chain(']', 200_000), chain('a', 199_999)), /holds an array/],
  '200,000 tuples in one another': [pickle('N', chain('\x85', 200_000)), /holds an array/],
  '2^100 values in 100 tuples': [pickle('N', chain('q\x01h\x01\x86', 100)), /holds an array/],
  'two million empty dictionaries': [pickle(']', chain(`(${'}'.repeat(100)}e`, 20_000)), /more than 1048576 opcodes/],
  'a call of a dtype': [pickle(named('torch', 'float32'), ')R'), /torch.float32 is called/],
  'a call of a text': [pickle(text('eval'), ')R'), /the string 'eval' is called/],
  'a call without arguments': [pickle(named('torch', 'Size'), 'NR'), /torch.Size is called/],
  'an OrderedDict of values': [pickle(named('collections', 'OrderedDict'), tuple(']'), 'R'), /expected an empty one/],
  'attributes of a list': [pickle(']}b'), /expected only those of a dictionary/],
  'a name of JavaScript': [pickle(named('Object', 'constructor')), /"Object.constructor"/],
  'a name with control characters': [pickle(named('a\u001b[2J', 'b')), /"a\\u001b\[2J.b"/],
  'a function of PyTorch that tensors do not need': [pickle(named('torch', 'load')), /"torch.load"/],
  'a name that is a number': [bytesOf(0x80, 4, 'K', 1, 'K', 2, 0x93, '.'), /name is not a string/],
  'a persistent id that is a file': [pickle(text('/etc/passwd'), 'Q'), /outside of it/],
  'a persistent id of another kind': [
    pickle(tuple(text('module'), named('torch', 'FloatStorage'), text('0'), text('cpu'), whole(4)), 'Q'),
    /outside of it/,
  ],
  'a persistent id as a line': [pickle('P/etc/passwd\n'), /opcode 0x50/],
  'a storage that is a file': [
    pickle(dictionary({ a: tensor({ values: storage({ key: '../../etc/passwd' }) }) })),
    /archive\/data\/..\/..\/etc\/passwd is missing/,
  ],
  'a storage of another module': [
    pickle(
      dictionary({
        a: tensor({
          values: bytesOf(tuple(text('storage'), named('torch', 'Size'), text('0'), text('cpu'), whole(4)), 'Q'),
        }),
      }),
    ),
    /outside of it/,
  ],
  'a storage longer than its file': [
    pickle(dictionary({ a: tensor({ values: storage({ size: 5 }), shape: [5] }) })),
    /values of 16 bytes, expected 20/,
  ],
  'a storage shorter than its file': [
    pickle(dictionary({ a: tensor({ values: storage({ size: 3 }), shape: [3] }) })),
    /values of 16 bytes, expected 12/,
  ],
  'a storage of 2^53 values': [
    pickle(dictionary({ a: tensor({ values: storage({ size: 2 ** 53 - 1 }), shape: [2 ** 53 - 1] }) })),
    /values in \d+ bytes/,
  ],
  'a tensor beyond its storage': [pickle(dictionary({ a: tensor({ offset: whole(1) }) })), /reaches beyond/],
  'strides beyond the storage': [pickle(dictionary({ a: tensor({ strides: [2] }) })), /reaches beyond/],
  'one value, 2^40 times': [
    pickle(dictionary({ a: tensor({ shape: [2 ** 20, 2 ** 20], strides: [0, 0] }) })),
    /values in \d+ bytes/,
  ],
  'more values than numbers can count': [
    pickle(dictionary({ a: tensor({ shape: Array(64).fill(2 ** 52), strides: Array(64).fill(0) }) })),
    /values in \d+ bytes/,
  ],
  'no values of an endless shape': [
    pickle(dictionary({ a: tensor({ shape: [...Array(63).fill(2 ** 52), 0], strides: Array(64).fill(0) }) })),
    /values in \d+ bytes/,
  ],
  '65 axes': [pickle(dictionary({ a: tensor({ shape: ones, strides: ones }) })), /no storage, shape and strides/],
  'a shape below 0': [pickle(dictionary({ a: tensor({ shape: [-4] }) })), /no storage, shape and strides/],
  'an offset below 0': [pickle(dictionary({ a: tensor({ offset: whole(-1) }) })), /no storage, shape and strides/],
  'an offset that is no number': [
    pickle(dictionary({ a: tensor({ offset: bytesOf('G', 0x7f, 0xf8, 0, 0, 0, 0, 0, 0) }) })),
    /no storage, shape and strides/,
  ],
  'a shape without strides': [pickle(dictionary({ a: tensor({ strides: [] }) })), /no storage, shape and strides/],
  'a tensor of nothing': [pickle(named('torch._utils', '_rebuild_tensor_v2'), ')R'), /no storage, shape and strides/],
  'a parameter of nothing': [pickle(named('torch._utils', '_rebuild_parameter'), ')R'), /a parameter is undefined/],
  'a negated view': [
    pickle(
      named('torch._utils', '_rebuild_tensor_v2'),
      tuple(storage(), whole(0), tuple(whole(4)), tuple(whole(1)), 'N', 'N', dictionary({ neg: bytesOf(0x88) })),
      'R',
    ),
    /lazy view/,
  ],
  'a Size of texts': [pickle(named('torch', 'Size'), tuple(tuple(text('a'))), 'R'), /no whole numbers/],
  'a number': [pickle('K', 1), /holds the number 1/],
  'no entries': [pickle('}'), /no state dict is among its entries \(none\)/],
}

// The first to read them, because the most memory so far is what it looks at.
test('the hostile pickles fill no memory', async () => {
  const before = process.resourceUsage().maxRSS
  for (const content of [...Object.values(dangerous), ...Object.values(hostile).map(([content]) => content)]) {
    await refusal(content)
  }
  // In kB: less than 300 MB at the worst moment, with a million empty dictionaries.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(300_000)
})

describe.each(Object.entries(dangerous))('%s', (_name, content) => {
  test('is refused, and nothing is run', async () => {
    expect(await refusal(content)).toMatch(/^importTensors: .* \(byte \d+ of the pickle\)$/)
    expect(existsSync(canary)).toBe(false)
  })
})

test.each(Object.entries(hostile))('%s: refused with the reason', async (_name, [content, reason]) => {
  expect(await refusal(content)).toMatch(reason)
})

test('all opcodes that tensors do not need are refused, such as those of Python’s next protocols', async () => {
  const known = '\x80\x95(N\x88\x89JKM\x8aGX\x8c]ae)\x85\x86\x87t}suqr\x94hjc\x93RbQ.'
  const others = Array.from({ length: 256 }, (_, opcode) => opcode).filter(
    (opcode) => !known.includes(String.fromCharCode(opcode)),
  )
  expect(others.length).toBe(256 - 35)
  for (const opcode of others) {
    expect(await refusal(pickle('}', opcode))).toContain(`opcode 0x${opcode.toString(16).padStart(2, '0')}`)
  }
})

test('values of every kind are Python’s', () => {
  const fail = (problem: string) => {
    throw new FormatError(problem)
  }
  const numbers = bytesOf(
    'K\xffM\xff\xffJ\xff\xff\xff\xff',
    'G\xbf\xf8\0\0\0\0\0\0',
    whole(-2),
    0x8a,
    0,
    0x8a,
    2,
    '\xff\0',
  )
  const content = pickle(
    tuple(numbers, bytesOf(0x88, 0x89, 'N'), text('né'), bytesOf(0x8c, 1, 'a', ')', 'N', 0x85, '](KaKbe')),
  )
  expect(unpickle(content, { globals: new Map(), persistent: () => fail('a persistent id') }, fail)).toEqual([
    ...[255, 65535, -1, -1.5, -2, 0, 255],
    ...[true, false, null, 'né', 'a', [], [null], [97, 98]],
  ])
})

test('tensors of one view are read once, and attributes of dictionaries are passed over', async () => {
  const named = dictionary({ a: tensor(), b: tensor(), c: tensor({ shape: [2, 2], strides: [1, 2] }) })
  const { a, b, c } = await read(pickle(named, dictionary({ _metadata: bytesOf('}') }), 'b'))
  expect(a).toEqual({ data: Float32Array.of(1, 2, 3, 4), shape: [4] })
  expect(b).toBe(a)
  expect(c).toEqual({ data: Float32Array.of(1, 3, 2, 4), shape: [2, 2] })
})

test('a state dict is found within the dictionaries of a checkpoint, beside an optimizer, and under several names', async () => {
  const weights = dictionary({ a: tensor() })
  const optimizer = dictionary({ state: bytesOf('}', whole(0), dictionary({ exp_avg: tensor() }), 's') })
  const checkpoint = dictionary({
    state: dictionary({ net: dictionary({ weights }), optimizer }),
    epoch: whole(3),
  })
  const { found, tensors } = await readTorchFile({ name: 'x', source: sourceOf(torchFile(pickle(checkpoint))) })
  expect(found).toEqual(['The state dict is "weights" in "net" in "state" of a checkpoint.'])
  expect(tensors.a.data).toEqual(Float32Array.of(1, 2, 3, 4))
  // The second name is for the dictionary that the first one put into the memo.
  const twice = pickle('}(', text('model'), weights, 'q', 0, text('best'), 'h', 0, 'u')
  expect(Object.keys(await read(twice))).toEqual(['a'])
  const two = dictionary({ nets: dictionary({ one: weights, two: dictionary({ b: tensor() }) }) })
  expect(await refusal(pickle(two))).toContain('2 state dicts are among its entries "nets", expected one')
})

test('a whole file or any part of its pickle that is damaged is read or refused, and never ends in another error', async () => {
  const good = new Uint8Array(readFileSync('test/fixtures/torch_2.15_tied.pt'))
  expect(Object.keys(await importTensors(good)).length).toBe(7)
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(damage, fc.option(fc.nat(good.length)), async (changes, length) => {
      const bytes = good.slice(0, length ?? undefined)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      const result = await importTensors(bytes).catch((error: unknown) => error)
      if (result instanceof Error) expect(result).toBeInstanceOf(FormatError)
    }),
    { numRuns: 500 },
  )
})
