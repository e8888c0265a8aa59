import { describe, expect, test } from 'vitest'
import * as u from '../node.js'

const parameter = () => u.zeros([1]).requiresGrad_()
const optimizer = () => new u.SGD([parameter()], { lr: 1 })
const vocab = u.Vocab.count('abcab')
const corpus = new Uint8Array(200)
const sizes = { inputSize: vocab.size, hiddenSize: 2 }
const model = () => new u.RNNModel(new u.GRU(sizes), vocab.size)
const data = () => new u.SequenceData(corpus, { batchSize: 2, numSteps: 5 })
const baselines = (options: object) => u.ngramBaselines(corpus, corpus, vocab.size, options)
const generated = async (made: AsyncIterable<unknown>) => {
  for await (const _ of made);
}

/** Every public function and class that takes options, the name that its errors give, and one of its options. */
const functions: Record<string, [name: string, right: string, call: (options: never) => unknown]> = {
  RNN: ['RNN', 'nonlinearity', (options) => new u.RNN({ ...sizes, ...(options as object) })],
  GRU: ['GRU', 'hiddenSize', (options) => new u.GRU({ ...sizes, ...(options as object) })],
  LSTM: ['LSTM', 'numLayers', (options) => new u.LSTM({ ...sizes, ...(options as object) })],
  RNNCell: ['RNNCell', 'nonlinearity', (options) => new u.RNNCell({ ...sizes, ...(options as object) })],
  GRUCell: ['GRUCell', 'hiddenSize', (options) => new u.GRUCell({ ...sizes, ...(options as object) })],
  LSTMCell: ['LSTMCell', 'layerNorm', (options) => new u.LSTMCell({ ...sizes, ...(options as object) })],
  RNNModel: ['RNNModel', 'embeddingSize', (options) => new u.RNNModel(new u.GRU(sizes), vocab.size, options)],
  Linear: ['Linear', 'outFeatures', (options) => new u.Linear(options)],
  Embedding: ['Embedding', 'embeddingDim', (options) => new u.Embedding(options)],
  LayerNorm: ['LayerNorm', 'numFeatures', (options) => new u.LayerNorm(options)],
  Dropout: ['Dropout', 'generator', (options) => new u.Dropout(options)],
  initialize: ['initialize', 'weight', (options) => u.initialize(model(), options)],
  SGD: ['SGD', 'momentum', (options) => new u.SGD([parameter()], options)],
  Adam: ['Adam', 'weightDecay', (options) => new u.Adam([parameter()], options)],
  AdamW: ['AdamW', 'betas', (options) => new u.AdamW([parameter()], options)],
  RMSprop: ['RMSprop', 'centered', (options) => new u.RMSprop([parameter()], options)],
  'a group': [
    'SGD: group 1',
    'dampening',
    (options) => {
      const groups = [{ params: [parameter()] }, { params: [parameter()], ...(options as object) }]
      return new u.SGD(groups, { lr: 1 })
    },
  ],
  StepLR: ['StepLR', 'stepSize', (options) => new u.StepLR(optimizer(), options)],
  CosineLR: ['CosineLR', 'warmupSteps', (options) => new u.CosineLR(optimizer(), options)],
  ReduceLROnPlateau: ['ReduceLROnPlateau', 'patience', (options) => new u.ReduceLROnPlateau(optimizer(), options)],
  Training: ['Training', 'accumulate', (options) => new u.Training(model(), data(), options)],
  'Training, validation': [
    'Training: validation',
    'every',
    (options) => new u.Training(model(), data(), { validation: { corpus, ...(options as object) } }),
  ],
  train: ['train', 'prefixes', (options) => u.train(model(), data(), vocab, options)],
  trainSteps: ['trainSteps', 'clipValue', (options) => u.trainSteps(model(), data(), options).next()],
  evaluate: ['evaluate', 'signal', (options) => u.evaluate(model(), data(), options)],
  evaluateCorpus: ['evaluateCorpus', 'numSteps', (options) => u.evaluateCorpus(model(), corpus, options)],
  calibrate: ['calibrate', 'onProgress', (options) => u.calibrate(model(), corpus, options)],
  ngramBaselines: ['ngramBaselines', 'maxOrder', baselines],
  SequenceData: ['SequenceData', 'batchSize', (options) => new u.SequenceData(corpus, options)],
  splitCorpus: ['splitCorpus', 'validation', (options) => u.splitCorpus(corpus, options)],
  'Vocab.count': ['Vocab.count', 'reservedTokens', (options) => u.Vocab.count('abc', options)],
  'Vocab.ofCounts': ['Vocab.ofCounts', 'minFreq', (options) => u.Vocab.ofCounts(new Map(), options)],
  sequencesFromText: ['sequencesFromText', 'maxTokens', (options) => u.sequencesFromText('abc', options)],
  loadText: ['loadText', 'lowercase', (options) => u.loadText('none.txt', options)],
  loadCorpus: ['loadCorpus', 'cacheDir', (options) => u.loadCorpus('none.txt', options)],
  loadTimeMachine: ['loadTimeMachine', 'numSteps', (options) => u.loadTimeMachine(options)],
  findTimeMachine: ['findTimeMachine', 'timeout', (options) => u.findTimeMachine(options)],
  'HistoryWriter.open': ['HistoryWriter.open', 'interval', (options) => u.HistoryWriter.open('none/none', options)],
  readText: ['readText', 'encoding', (options) => u.readText('none.txt', options)],
  linePlot: ['linePlot', 'xLabel', (options) => u.linePlot(options)],
  'a series': [
    'linePlot: series 0',
    'dashed',
    (options) => {
      const series = [{ name: 'a', x: [0], y: [0], ...(options as object) }]
      return u.linePlot({ title: 'a', xLabel: 'b', yLabel: 'c', series })
    },
  ],
  generate: ['generate', 'temperature', (options) => generated(u.generate(model(), vocab, options))],
  generateTokens: ['generateTokens', 'samples', (options) => generated(u.generateTokens(model(), vocab, options))],
  generateAll: ['generateAll', 'repetitionPenalty', (options) => u.generateAll(model(), vocab, options)],
  predict: ['predict', 'allowUnknown', (options) => u.predict('a', 1, model(), vocab, options)],
  predictAll: ['predictAll', 'stop', (options) => u.predictAll(['a'], 1, model(), vocab, options)],
  beamSearch: ['beamSearch', 'lengthPenalty', (options) => u.beamSearch(model(), vocab, options)],
  wasmKernels: ['wasmKernels', 'threads', (options) => u.wasmKernels(options)],
  blasKernels: ['blasKernels', 'threads', (options) => u.blasKernels(options)],
  selectKernels: ['selectKernels', 'threads', (options) => u.selectKernels('reference', options)],
  tensor: ['tensor', 'requiresGrad', (options) => u.tensor([1], options)],
}
/** The calls above that spread their options: these functions see an object whatever the test passes. */
const spreading = [
  'RNN',
  'GRU',
  'LSTM',
  'RNNCell',
  'GRUCell',
  'LSTMCell',
  'a group',
  'Training, validation',
  'a series',
]

async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call()
  } catch (error) {
    return error as Error
  }
  throw new Error('the call was expected to be refused')
}

describe.each(Object.entries(functions))('%s', (_called, [name, right, call]) => {
  const errorFor = (options: unknown) => errorOf(() => call(options as never))

  test('refuses a misspelt option with the right name', async () => {
    const misspelt = right.slice(0, 2) + right.slice(3)
    const error = await errorFor({ [misspelt]: undefined, [`${right}_`]: 1 })
    expect(error).toBeInstanceOf(u.OptionError)
    expect(error.message).toBe(`${name}: there is no option ${right}_, did you mean ${right}?`)
    expect((await errorFor({ [misspelt]: 1 })).message).toBe(
      `${name}: there is no option ${misspelt}, did you mean ${right}?`,
    )
  })

  test('lists its options when the name resembles none of them', async () => {
    const { message } = await errorFor({ zzzzzzzzzzzz: 1 })
    expect(message.startsWith(`${name}: there is no option zzzzzzzzzzzz, expected one of `)).toBe(true)
    expect(message).toMatch(new RegExp(`\\b${right}\\b`))
  })
})

describe.each(Object.entries(functions).filter(([called]) => !spreading.includes(called)))(
  '%s',
  (_called, [name, , call]) => {
    test.each([
      [null, 'null'],
      [3, 'the number 3'],
      ['a', "the string 'a'"],
      [[], 'an array'],
    ])('refuses %j instead of options', async (options, shown) => {
      const error = await errorOf(() => call(options as never))
      expect(error).toBeInstanceOf(u.OptionError)
      expect(error.message).toContain(`${name}: the options argument is ${shown}, expected an object such as { `)
    })
  },
)

const generator = new u.Generator()
test.each<[() => unknown, string]>([
  [() => new u.GRU({ ...sizes, hidenSize: 8 } as never), 'GRU: there is no option hidenSize, did you mean hiddenSize?'],
  [() => new u.GRU({ ...sizes, nonlinearity: 'relu' } as never), "GRU: there is no option nonlinearity: only an RNN's"],
  [() => new u.LSTM({ ...sizes, nonlinearity: 'relu' } as never), 'LSTM: there is no option nonlinearity: only'],
  [() => new u.LSTM(undefined as never), 'LSTM: the options argument is undefined, expected an object such as'],
  [() => new u.RNN({ ...sizes, nonlinearity: 'gelu' as never }), "RNN: nonlinearity is 'gelu', expected one of 'tanh'"],
  [() => new u.RNN({ ...sizes, nonlinearity: 3 as never }), 'RNN: nonlinearity is the number 3, expected one of'],
  [() => new u.RNN({ ...sizes, bias: 'no' as never }), "RNN: bias is the string 'no', expected true or false"],
  [() => new u.RNN({ ...sizes, bias: null as never }), 'RNN: bias is null, expected true or false'],
  [() => new u.RNN({ ...sizes, generator: 3 as never }), 'RNN: generator is the number 3, expected a Generator'],
  [() => new u.RNN({ ...sizes, hiddenSize: '8' as never }), "RNN: hiddenSize is the string '8', expected a whole"],
  [() => new u.SGD([parameter()], { lr: '0.01' as never }), "SGD: lr is the string '0.01', expected a number of 0"],
  [() => new u.SGD([parameter()], { lr: 1n as never }), 'SGD: lr is the BigInt 1, expected a number of 0'],
  [() => new u.SGD([parameter()], { lr: -1 }), 'SGD: lr is -1, expected a number of 0 or more'],
  [
    () => new u.SGD([parameter()], { lr: 1, nesterov: 1 as never }),
    'SGD: nesterov is the number 1, expected true or f',
  ],
  [() => new u.Linear({ inFeatures: 2, outFeatures: 2, in_features: 2 } as never), 'did you mean inFeatures?'],
  [() => new u.LSTM({ inputSize: 2, hidden: 3 } as never), 'LSTM: there is no option hidden, did you mean hiddenSize?'],
  [() => new u.RNN({ ...sizes, layers: 3 } as never), 'RNN: there is no option layers, did you mean numLayers?'],
  [() => new u.RNN({ ...sizes, size: 3 } as never), 'RNN: there is no option size, expected one of inputSize'],
  [
    () => new u.Adam(new u.Linear({ inFeatures: 2, outFeatures: 2 }) as never),
    'Adam: the parameters are a Linear, exp',
  ],
  [() => new u.SGD(undefined as never, { lr: 1 }), 'SGD: the parameters are undefined, expected tensors, such as mod'],
  [() => new u.SGD([undefined] as never, { lr: 1 }), 'SGD: item 0 has no params, expected either tensors or groups'],
  [() => new u.SGD([{ params: 3 }] as never, { lr: 1 }), 'SGD: group 0: the parameters are the number 3, expected'],
  [
    () => u.Vocab.count('abc', { kind: 'chars' as never }),
    "Vocab.count: kind is 'chars', expected one of 'char', 'byte'",
  ],
  [() => u.wasmKernels({ simd: 'avx' as never }), "wasmKernels: simd is 'avx', expected one of"],
  [
    () => new u.Training(model(), data(), { signal: new AbortController() as never }),
    'Training: signal is an AbortController, expected an AbortSignal',
  ],
  [
    () => new u.Training(model(), data(), { validation: corpus as never }),
    'Training: validation: there is no option 0, expected one of corpus, every',
  ],
])('%s', (call, message) => {
  expect(call).toThrow(u.OptionError)
  expect(call).toThrow(message)
})

test('an undefined option counts as left out, whatever its name', () => {
  const options = { ...sizes, nonlinearity: undefined, bias: undefined, generator }
  expect(new u.GRU(options).bias).toBe(true)
})
