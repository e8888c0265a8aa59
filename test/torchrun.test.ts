import { spawn } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportTorchrun } from '../src/formats.js'
import {
  BEST,
  CHECKPOINT,
  decodeCheckpoint,
  encodeCheckpoint,
  FolderStore,
  fileTexts,
  Generator,
  GRU,
  HISTORY,
  type HistoryEvent,
  LSTM,
  loadCheckpoint,
  loadModel,
  MemoryStore,
  RNNModel,
  type RunEvent,
  type RunOptions,
  type RunStore,
  readHistory,
  resumeRun,
  saveModel,
  startRun,
  type Tensor,
  type TrainEvent,
  textSource,
  Vocab,
  writeExport,
} from '../src/node.js'
import { pythonWith } from './python.js'
import { run } from './run-command.js'

// Trainings that begin here go on in PyTorch and here, and their losses are compared.
const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-torchrun-'))
const at = (...names: string[]) => path.join(folder, ...names)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const python = pythonWith('torch')
const words = 'the quick brown fox jumps over the lazy dog while seven wizards box '.split(' ')
const text = Array.from({ length: 420 }, (_, i) => words[(i * i + 3 * i) % words.length]).join(' ')
const source = textSource(text, 'fox')

/** The step of the checkpoint: in the middle of an epoch. */
const FIRST = 7
const STEPS = 50
const small = { hiddenSize: 6, batchSize: 6, numSteps: 8, epochs: 40, kernels: 'wasm', threads: 1 } as const

/** Options that together use all cells, optimizers, schedules and ways of sampling. */
const trainings: Record<string, Partial<RunOptions>> = {
  rnn: {},
  lstm: { cell: 'lstm', numLayers: 2 },
  'lstm, projected': { cell: 'lstm', projSize: 4 },
  'rnn of bytes': { nonlinearity: 'relu', tokens: 'byte', sampling: 'random', lr: 0.2, momentum: 0.9, nesterov: true },
  'gru, tied': {
    ...{ cell: 'gru', numLayers: 2, embeddingSize: 6, tieWeights: true, optimizer: 'adam', lr: 0.02, clipValue: 0.02 },
    ...{ schedule: 'cosine', warmup: 12, minLr: 1e-3, epochs: 3, validation: 0.2, validateEvery: 7 },
  },
  'lstm, plateau': {
    ...{ cell: 'lstm', optimizer: 'rmsprop', lr: 0.01, momentum: 0.5, weightDecay: 1e-3, accumulate: 3, clip: 0.1 },
    ...{
      schedule: 'plateau',
      plateauPatience: 0,
      decay: 0.5,
      minLr: 0.002,
      validation: 0.13,
      embeddingSize: 5,
      validateEvery: 3,
    },
  },
  'lstm, normalized': {
    ...{ cell: 'lstm', numLayers: 2, layerNorm: true, sampling: 'random', optimizer: 'adamw', lr: 0.005 },
    ...{ schedule: 'step', decayEvery: 10, decay: 0.7, clip: Infinity },
  },
  'gru, normalized': { cell: 'gru', layerNorm: true, weightDecay: 1e-3, validation: 0.1, patience: 3, lr: 0.5 },
  'rnn, normalized': { nonlinearity: 'relu', layerNorm: true, momentum: 0.5, lr: 0.3 },
}
/** Masks of dropout cannot be the same, but the held-out loss has none: the first event is a validation. */
const dropped: Partial<RunOptions> = {
  ...{ cell: 'gru', numLayers: 2, embeddingSize: 12, hiddenSize: 12, optimizer: 'adam', lr: 0.02 },
  ...{ dropout: 0.3, weightDropout: 0.2, inputDropout: 0.1, outputDropout: 0.3, variational: true },
  ...{ validation: 0.2, validateEvery: FIRST },
}

/** Trainings that come to their end: the last learns nothing. */
const short: Partial<RunOptions> = { cell: 'gru', epochs: 1, validation: 0.1, validateEvery: 10, lr: 0.5 }
const vain: Partial<RunOptions> = { lr: 0, validation: 0.1, validateEvery: 5, patience: 2 }

type Event = TrainEvent | HistoryEvent

/** The folder in which PyTorch goes on with a training. */
const inTorch = (name: string) => at(`${name} in torch`)

/** Goes on with a run, and returns its events until a step. */
async function goOn(store: RunStore, last: number, given: Partial<RunOptions> = {}): Promise<Event[]> {
  const run = await resumeRun(store, source, given)
  const events: Event[] = []
  try {
    for await (const event of run.events()) {
      if (['step', 'epoch', 'validation'].includes(event.type)) events.push(event as TrainEvent)
      if (event.type === 'step' && event.step === last) break
    }
  } finally {
    await run.close()
  }
  return events
}

/** Begins a training, exports it after a few steps, and goes on with it here. */
async function both(name: string, options: Partial<RunOptions>, model?: Awaited<ReturnType<typeof loadModel>>) {
  const store = new FolderStore(at(name))
  const run = await startRun(store, source, { ...small, ...options }, { model })
  for await (const event of run.events()) if (event.type === 'step' && event.step === FIRST) break
  await run.close()
  const { files, close } = await exportTorchrun(store, source)
  await writeExport(inTorch(name), files)
  await close()
  // What was written after the checkpoint is forgotten, as after a crash.
  appendFileSync(path.join(inTorch(name), HISTORY), '{"type":"step","st')
  return goOn(store, FIRST + STEPS + 3)
}

/** The events of a history after the first steps. */
const historyOf = async (place: string): Promise<Event[]> =>
  (await readHistory(path.join(place, HISTORY))).filter(
    ({ step, type }) => step > FIRST || (step === FIRST && type === 'validation'),
  )

const ofType = <T extends Event['type']>(events: readonly Event[], type: T) =>
  events.filter((event): event is Extract<Event, { type: T }> => event.type === type)

/** The values of tensors by name. @param prefix what their names are to begin with */
const valuesOf = (tensors: Record<string, Tensor>, prefix = '') =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [prefix + name, [...data]]))

/** Compares what PyTorch did with what was done here, up to a step. */
function expectSame(theirs: readonly Event[], ours: readonly Event[], steps = STEPS): void {
  for (const type of ['step', 'epoch', 'validation'] as const) {
    const [own, other] = [ours, theirs].map((all) => ofType(all, type).filter(({ step }) => step <= FIRST + steps))
    expect(other.map(({ step, epoch }) => [step, epoch])).toEqual(own.map(({ step, epoch }) => [step, epoch]))
    for (const [i, event] of own.entries()) {
      expect(Math.abs(other[i].loss - event.loss), `${type} ${event.step}`).toBeLessThan(1e-4)
      if (event.type === 'validation') expect(other[i]).toMatchObject({ best: event.best })
      else expect((other[i] as typeof event).lr).toBeCloseTo(event.lr, 10)
    }
  }
}

/**
 * Runs train.py in folders, one after another in one process, because importing PyTorch takes seconds. As a process of
 * its own, it would find its folder first among those from which it imports.
 */
const driver = `
import os, runpy, socket, sys
for line in sys.stdin.read().splitlines():
    folder, *arguments = line.split('\\t')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        os.environ.update(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free.getsockname()[1]))
    for name in os.listdir(folder):
        sys.modules.pop(name.removesuffix('.py'), None)
    sys.path[0], sys.argv = folder, ['train.py', *arguments, '--log-seconds', '0']
    runpy.run_path(os.path.join(folder, 'train.py'), run_name='__main__')
`

/** Runs Python to its end. Each process has one thread, as torchrun sets it, because the machine has few cores. */
function ranPython(args: string[], input = ''): Promise<string> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' }
  const child = spawn(python!, args, { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  child.stdin.end(input)
  return new Promise((resolve, reject) =>
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(output)))),
  )
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

describe.skipIf(!python)('in PyTorch (skipped where there is no python3 with torch)', () => {
  const ours: Record<string, Event[]> = {}
  let [exported, cosine]: Uint8Array[] = []

  beforeAll(async () => {
    for (const [name, options] of Object.entries({ ...trainings, dropped, short, vain }))
      ours[name] = await both(name, options)
    const vocab = Vocab.count(text)
    const sizes = { inputSize: vocab.size, hiddenSize: 6, numLayers: 2, layerNorm: true, bidirectional: true }
    const generator = new Generator(3)
    await saveModel(at('saved'), new RNNModel(new GRU({ ...sizes, generator }), vocab.size, { generator }), vocab)
    ours.bidirectional = await both('bidirectional', { lr: 0.1 }, await loadModel(at('saved')))
    cpSync(inTorch('lstm, plateau'), at('two processes'), { recursive: true })
    cpSync(inTorch('lstm'), at('twice the batch'), { recursive: true })
    cpSync(inTorch('gru, tied'), at('more epochs'), { recursive: true })
    exported = readFileSync(path.join(inTorch('lstm'), CHECKPOINT))
    cosine = readFileSync(path.join(inTorch('gru, tied'), CHECKPOINT))
    const all = Object.keys(ours).map(inTorch)
    const lines = [
      ...all.map((place) => [place, '--steps', '20']),
      ...all.map((place) => [place, '--steps', String(STEPS - 20)]),
      [at('twice the batch'), '--steps', String(STEPS), '--batch-size', '12'],
      [at('more epochs'), '--steps', '10', '--epochs', '9', '--lr', '0.03'],
    ]
    // Debian's torchrun 1.13 does not start under Python 3.11 unless it is told what to do with the output.
    const torchrun = [
      '-m',
      'torch.distributed.run',
      '--redirects',
      '1',
      '--tee',
      '1',
      '--nproc_per_node',
      '2',
      '--monitor_interval',
      '0.2',
    ]
    const address = ['--master_addr', '127.0.0.1', '--master_port', String(await freePort())]
    const program = [at('two processes', 'train.py'), '--steps', String(STEPS), '--log-seconds', '0']
    await Promise.all([
      ranPython(['-c', driver], lines.map((line) => line.join('\t')).join('\n')),
      ranPython([...torchrun, ...address, ...program]),
    ])
  })

  test.each([...Object.keys(trainings), 'bidirectional'])(
    'a training has the same losses over 50 steps as here: %s',
    async (name) => expectSame(await historyOf(inTorch(name)), ours[name]),
  )

  test('two processes, which share each batch, do what one does with the whole', async () => {
    const [two, one] = [await historyOf(at('two processes')), await historyOf(inTorch('lstm, plateau'))]
    expect(two).toHaveLength(one.length)
    expectSame(two, one)
    expectSame(two, ours['lstm, plateau'])
    const [shared, alone] = [at('two processes'), inTorch('lstm, plateau')].map((place) => path.join(place, CHECKPOINT))
    const { tensors, progress } = await loadCheckpoint(shared)
    const expected = await loadCheckpoint(alone)
    expect(progress).toMatchObject({
      step: FIRST + STEPS,
      epoch: expected.progress!.epoch,
      batch: expected.progress!.batch,
    })
    expect(Object.keys(tensors)).toEqual(Object.keys(expected.tensors))
    expect(Object.keys(tensors)).toContain('state.c')
    // Averages of tiny gradients may differ more.
    for (const [name, { data }] of Object.entries(expected.tensors).filter(
      ([name]) => !name.startsWith('optimizer.'),
    )) {
      expect(Math.max(...data.map((value, i) => Math.abs(value - tensors[name].data[i]))), name).toBeLessThan(1e-3)
    }
  })

  test('a larger batch begins the epoch again', async () => {
    const store = new MemoryStore()
    const { progress, run, ...rest } = await decodeCheckpoint(exported)
    const again = { ...progress!, batch: 0, tokens: 0, lossSum: 0 }
    const record = run as { options: object }
    const larger = { ...record, options: { ...record.options, batchSize: 12 } }
    await store.write(CHECKPOINT, await encodeCheckpoint({ ...rest, progress: again, run: larger }))
    const own = await goOn(store, FIRST + STEPS + 1)
    const theirs = await historyOf(at('twice the batch'))
    expectSame(theirs, own)
    const back = await goOn(new FolderStore(at('twice the batch')), FIRST + STEPS + 1)
    expectSame([...theirs, ...back], own, STEPS + 1)
  })

  test('more epochs and another rate change the schedule at once', async () => {
    const store = new MemoryStore()
    await store.write(CHECKPOINT, cosine)
    expectSame(await historyOf(at('more epochs')), await goOn(store, FIRST + 10, { epochs: 9, lr: 0.03 }), 10)
  })

  test('with dropout, the held-out loss is the same, and the losses are as high', async () => {
    const [theirs, own] = [await historyOf(inTorch('dropped')), ours.dropped]
    expect(ofType(theirs, 'validation')[0].step).toBe(FIRST)
    expect(Math.abs(ofType(theirs, 'validation')[0].loss - ofType(own, 'validation')[0].loss)).toBeLessThan(1e-5)
    const mean = (events: Event[]) => {
      const losses = ofType(events, 'step').map(({ loss }) => loss)
      return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
    }
    expect(mean(theirs) / mean(own)).toBeGreaterThan(0.97)
    expect(mean(theirs) / mean(own)).toBeLessThan(1.03)
  })

  test('a training without progress ends as early as here', async () => {
    expect(ofType(ours.vain, 'step').at(-1)!.step).toBe(15)
    expectSame(await historyOf(inTorch('vain')), ours.vain)
  })

  test('a training that ended there is finished here', async () => {
    const place = inTorch('short')
    expectSame(await historyOf(place), ours.short)
    const best = await loadCheckpoint(path.join(place, BEST))
    const { config } = await loadCheckpoint(path.join(place, CHECKPOINT))
    const { step, perplexity } = ofType(await historyOf(place), 'epoch')[0]
    expect(config.training).toMatchObject({ steps: step, finishedEpochs: 1, perplexity })
    const run = await resumeRun(new FolderStore(place), source)
    const events: RunEvent[] = []
    for await (const event of run.events()) events.push(event)
    await run.close()
    expect(events.map(({ type }) => type)).toEqual(['trained', 'done'])
    expect(events[1]).toMatchObject({ saved: true, ended: 'epochs', epochs: 1 })
    expect(existsSync(path.join(place, BEST))).toBe(false)
    expect(valuesOf((await loadModel(place)).model.stateDict(), 'model.')).toEqual(valuesOf(best.tensors))
  })

  test.each(Object.keys(trainings))('a training that went on there goes on here: %s', async (name) => {
    const { model } = await loadModel(inTorch(name))
    const file = [BEST, CHECKPOINT].map((one) => path.join(inTorch(name), one)).find((one) => existsSync(one))!
    expect(valuesOf((await loadCheckpoint(file)).tensors)).toMatchObject(valuesOf(model.stateDict(), 'model.'))
    const back = ofType(await goOn(new FolderStore(inTorch(name)), FIRST + STEPS + 3), 'step')
    const own = ofType(ours[name], 'step').slice(-3)
    expect(back.map(({ step, epoch, batch }) => [step, epoch, batch])).toEqual(
      own.map(({ step, epoch, batch }) => [step, epoch, batch]),
    )
    for (const [i, { loss }] of back.entries()) expect(Math.abs(loss - own[i].loss)).toBeLessThan(2e-4)
  })
})

test('an exported run is not finished, and has its best model', async () => {
  await both('ended', short)
  expect((await loadCheckpoint(at('ended', CHECKPOINT))).run).toMatchObject({ finished: true })
  const { files, close } = await exportTorchrun(new FolderStore(at('ended')), source)
  await writeExport(at('again'), files)
  await close()
  expect((await loadCheckpoint(at('again', CHECKPOINT))).run).toMatchObject({ finished: false })
  const { model, config } = await loadModel(at('ended'))
  expect((await loadModel(at('again'))).config.training).toEqual(config.training)
  expect(valuesOf((await loadModel(at('again'))).model.stateDict())).toEqual(valuesOf(model.stateDict()))
})

describe('what cannot go on is refused with one sentence, and nothing is written', () => {
  beforeAll(async () => {
    const rnn = new LSTM({ inputSize: 4, hiddenSize: 3 })
    await saveModel(at('alone'), new RNNModel(rnn, 4), Vocab.count('abc'))
    writeFileSync(at('fox.txt'), text)
    const begun = await startRun(new FolderStore(at('begun')), fileTexts(at('fox.txt')), small)
    for await (const event of begun.events()) if (event.type === 'step') break
    await begun.close()
  })

  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['export', ...args, '--format', 'torchrun'])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error: [^\n]+\n$/)
    return stderr
  }

  test('a model without a training', async () => {
    const sentence = await refused(at('alone'), '--out', at('from alone'))
    expect(sentence).toContain('there is no training to go on with, expected the checkpoint.safetensors of a run')
    expect(existsSync(at('from alone'))).toBe(false)
  })

  test('a folder that has something in it', async () => {
    expect(await refused(at('begun'), '--out', at('alone'))).toContain('something is there already')
    expect(readdirSync(at('alone')).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.json'])
  })

  test('a text that has changed since, or is missing; --text names it', async () => {
    writeFileSync(at('fox.txt'), `${text}!`)
    expect(await refused(at('begun'), '--out', at('changed'))).toContain('the text differs from the one')
    rmSync(at('fox.txt'))
    await refused(at('begun'), '--out', at('changed'))
    expect(existsSync(at('changed'))).toBe(false)
    writeFileSync(at('moved.txt'), text)
    const { code } = await run([
      'export',
      at('begun'),
      '--format',
      'torchrun',
      '--text',
      at('moved.txt'),
      '--out',
      at('moved'),
    ])
    expect(code).toBe(0)
    expect(readFileSync(at('moved', 'train.bin'))).toHaveLength(text.length)
  })

  test('a damaged checkpoint', async () => {
    const bytes = readFileSync(at('begun', CHECKPOINT))
    bytes[bytes.length - 3] ^= 1
    writeFileSync(at('begun', CHECKPOINT), bytes)
    expect(await refused(at('begun'), '--out', at('damaged'))).toContain('the checkpoint is damaged')
  })
})
