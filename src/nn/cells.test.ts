import { beforeEach, describe, expect, test } from 'vitest'
import { devices, precisionOf } from '../../test/kernel-sets.js'
import { errorBetween, fixturesOf, readFixture } from '../../test/read-fixture.js'
import { OptionError, ShapeError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { randn, type Tensor, tensor, zeros } from '../index.js'
import { setDefaultDevice } from '../kernels/devices.js'
import { wasmKernels } from '../kernels/index.js'
import { concatenate, oneHot, stack } from '../tensor/functions.js'
import type { RecurrentCellOptions as CellOptions } from './cell.js'
import { GRU, GRUCell } from './gru.js'
import { LSTM, LSTMCell } from './lstm.js'
import type { RecurrentOptions } from './recurrent.js'
import { RNN, RNNCell } from './rnn.js'

type AnyCell = RNNCell | GRUCell | LSTMCell
const cells: Record<string, (options: CellOptions) => AnyCell> = {
  rnn_tanh: (options) => new RNNCell(options),
  rnn_relu: (options) => new RNNCell({ ...options, nonlinearity: 'relu' }),
  gru: (options) => new GRUCell(options),
  lstm: (options) => new LSTMCell(options),
}
const layers: Record<string, (options: RecurrentOptions) => RNN | GRU | LSTM> = {
  rnn_tanh: (options) => new RNN(options),
  rnn_relu: (options) => new RNN({ ...options, nonlinearity: 'relu' }),
  gru: (options) => new GRU(options),
  lstm: (options) => new LSTM(options),
}
const kinds = Object.keys(cells)

/** h and c after each step of a sequence [numSteps, batch, …]. */
function walk(cell: AnyCell, x: Tensor, h0: Tensor, c0?: Tensor): { hs: Tensor[]; h: Tensor; c?: Tensor } {
  let [h, c] = [h0, c0]
  const hs: Tensor[] = []
  for (let t = 0; t < x.shape[0]; t++) {
    if (cell instanceof LSTMCell) ({ h, c } = cell.forward(x.select(0, t), { h, c: c! }))
    else h = cell.forward(x.select(0, t), h)
    hs.push(h)
  }
  return { hs, h, c }
}

const weighted = (x: Tensor, by: Tensor) => x.mul(by).sum()

/** The values in PyTorch's fixtures of layers in one or two directions, computed step by step with a cell for each. */
function byCells(kind: string, fixture: Record<string, Tensor>, options: CellOptions, numLayers: number, d: number) {
  const { input, h0, c0 } = fixture
  for (const leaf of [input, h0, c0]) leaf?.requiresGrad_()
  const found: Record<string, Tensor> = {}
  const all: [suffix: string, AnyCell][] = []
  const [hs, cs]: [Tensor[], Tensor[]] = [[], []]
  let output = input
  for (let layer = 0; layer < numLayers; layer++) {
    const directions = [`l${layer}`, `l${layer}_reverse`].slice(0, d).map((suffix, direction) => {
      const cell = cells[kind]({ ...options, inputSize: output.shape[2] })
      const names = cell.namedParameters().map(([name]) => name)
      cell.loadStateDict(Object.fromEntries(names.map((name) => [name, fixture[`param.${name}_${suffix}`]])))
      all.push([suffix, cell])
      const index = layer * d + direction
      const order = Array.from({ length: output.shape[0] }, (_, t) => t)
      if (direction === 1) order.reverse()
      const x = stack(order.map((t) => output.select(0, t)))
      const { hs: made, h, c } = walk(cell, x, h0.select(0, index), c0?.select(0, index))
      hs.push(h)
      if (c) cs.push(c)
      return stack(direction === 1 ? made.reverse() : made)
    })
    output = concatenate(directions, 2)
  }
  Object.assign(found, { output, hn: stack(hs) }, c0 && { cn: stack(cs) })
  const loss = weighted(found.output, fixture.grad_output).add(weighted(found.hn, fixture.grad_hn))
  ;(c0 ? loss.add(weighted(found.cn, fixture.grad_cn)) : loss).backward()
  Object.assign(found, { 'grad.input': input.grad!, 'grad.h0': h0.grad! }, c0 && { 'grad.c0': c0.grad! })
  for (const [suffix, cell] of all) {
    for (const [name, { grad }] of cell.namedParameters()) found[`grad.param.${name}_${suffix}`] = grad!
  }
  return found
}

describe.each(devices)('on $name', (device) => {
  beforeEach(() => setDefaultDevice(device))

  const normalized = kinds.map((kind) => ({ name: `norm_${kind}`, kind, sizes: { h: 6, l: 2, d: 2 } }))
  const plain = fixturesOf('layer').filter(({ sizes: { p, k } }) => p === undefined && k === undefined)
  test.each<{ name: string; kind: string; sizes: Record<string, number> }>([...plain, ...normalized])(
    '$name, a cell for each layer and direction: outputs, states and all gradients are PyTorch’s',
    async ({ name, kind, sizes: { h: hiddenSize, l, d } }) => {
      const fixture = readFixture(name)
      const options = { inputSize: 1, hiddenSize, layerNorm: name.startsWith('norm') }
      const found = byCells(kind, fixture, options, l, d)
      const expected = Object.keys(fixture).filter((key) => /^(grad\.|output|hn|cn)/.test(key))
      expect(Object.keys(found).sort()).toEqual(expected.sort())
      for (const [key, tensor] of Object.entries(found)) {
        expect(await errorBetween(tensor, fixture[key]), key).toBeLessThan(precisionOf(device))
      }
    },
  )

  test.each(
    kinds.flatMap((kind) =>
      [{}, { bias: false }, { layerNorm: true }, { layerNorm: true, bias: false }].map((options) => ({
        kind,
        options,
      })),
    ),
  )(
    '$kind cell, $options: matches the layer, with all gradients, for 5 sequences of 9 steps',
    async ({ kind, options }) => {
      const sizes = { inputSize: 7, hiddenSize: 10, ...options }
      const results = (['cell', 'layer'] as const).map((sort) => {
        const generator = new Generator(3)
        const x = randn([9, 5, 7], generator).requiresGrad_()
        const [h0, c0] = [0, 1].map(() => randn([5, 10], generator).requiresGrad_())
        const c = kind === 'lstm' ? c0 : undefined
        const parameters = new Generator(4)
        let module: AnyCell | RNN | GRU | LSTM
        let outputs: Tensor[]
        if (sort === 'cell') {
          module = cells[kind]({ ...sizes, generator: parameters })
          const walked = walk(module, x, h0, c)
          outputs = [stack(walked.hs), walked.h, ...(walked.c ? [walked.c] : [])]
        } else {
          module = layers[kind]({ ...sizes, generator: parameters })
          const [h, cell] = [h0, c0].map((state) => state.reshape(1, 5, 10))
          const { output, state } = module instanceof LSTM ? module.forward(x, { h, c: cell }) : module.forward(x, h)
          const parts = 'h' in state ? [state.h, state.c] : [state]
          outputs = [output, ...parts.map((part) => part.reshape(5, 10))]
        }
        outputs
          .map((y) => weighted(y, randn(y.shape, new Generator(5))))
          .reduce((a, b) => a.add(b))
          .backward()
        const leaves = [x, h0, ...(c ? [c] : []), ...module.parameters()]
        return [...outputs, ...leaves.map(({ grad }) => grad!)]
      })
      const [cell, layer] = results
      expect(cell.length).toBe(layer.length)
      for (const [i, tensor] of cell.entries()) expect(await errorBetween(tensor, layer[i]), `${i}`).toBeLessThan(2e-5)
    },
  )

  test.each(kinds)('%s cell: tokens stand for one-hot rows; a missing state is a state of zeros', async (kind) => {
    const cell = cells[kind]({ inputSize: 4, hiddenSize: 3 })
    const ids = tensor([2, 0, 3], { dtype: 'int32' })
    const parts = (state: unknown) => (kind === 'lstm' ? Object.values(state as object) : [state]) as Tensor[]
    const [first, second] = [cell.forward(ids), cell.forward(oneHot(ids, 4), cell.beginState(3) as never)].map(parts)
    expect(first.length).toBe(kind === 'lstm' ? 2 : 1)
    for (const [i, tensor] of first.entries()) {
      expect(tensor.shape).toEqual([3, 3])
      expect(await errorBetween(tensor, second[i])).toBeLessThan(1e-6)
    }
  })

  test.each([
    ['rnn_tanh', 1],
    ['rnn_relu', 1],
    ['gru', 3],
    ['lstm', 4],
  ])('%s: PyTorch’s parameters, within ±1/√hiddenSize', async (kind, gates) => {
    const cell = cells[kind]({ inputSize: 5, hiddenSize: 100 })
    const rows = 100 * gates
    expect(cell.namedParameters().map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['weight_ih', rows, 5],
      ['weight_hh', rows, 100],
      ['bias_ih', rows],
      ['bias_hh', rows],
    ])
    for (const parameter of cell.parameters()) {
      const largest = Math.max(...Array.from(await parameter.values(), Math.abs))
      expect(largest).toBeLessThanOrEqual(0.1)
      expect(largest).toBeGreaterThan(0.09)
    }
    expect(
      cells[kind]({ inputSize: 3, hiddenSize: 2, bias: false })
        .namedParameters()
        .map(([name]) => name),
    ).toEqual(['weight_ih', 'weight_hh'])
  })

  test('layer normalization adds gains of 1 and biases of 0, and the cell’s c has its own', async () => {
    const lstm = new LSTMCell({ inputSize: 3, hiddenSize: 2, layerNorm: true })
    const values = lstm
      .namedParameters()
      .map(async ([name, parameter]) => [name, parameter.size, ...new Set(await parameter.values())])
    expect((await Promise.all(values)).slice(2)).toEqual([
      ['bias_ih', 8, 0],
      ['bias_hh', 8, 0],
      ['gain_ih', 8, 1],
      ['gain_hh', 8, 1],
      ['gain_c', 2, 1],
      ['bias_c', 2, 0],
    ])
  })
})

describe('a cell by itself', () => {
  beforeEach(() => setDefaultDevice(wasmKernels()))
  const sizes = { inputSize: 3, hiddenSize: 2 }

  // biome-ignore format: a case a line
  test.each<[name: string, error: typeof ShapeError | typeof OptionError, call: () => unknown, message: string]>([
    ['a sequence', ShapeError, () => new LSTMCell(sizes).forward(zeros([4, 2, 3])), 'LSTMCell.forward: input has the shape [4, 2, 3], expected [batch, inputSize]'],
    ['one row without a batch', ShapeError, () => new GRUCell(sizes).forward(zeros([3])), 'GRUCell.forward: input has the shape [3], expected [batch, inputSize]'],
    ['other features', ShapeError, () => new RNNCell(sizes).forward(zeros([2, 4])), 'RNNCell.forward: input has 4 features, expected inputSize = 3'],
    ['no rows', ShapeError, () => new RNNCell(sizes).forward(zeros([0, 3])), 'RNNCell.forward: input has the shape [0, 3], expected at least one'],
    ['rows of tokens', ShapeError, () => new RNNCell(sizes).forward(tensor([[1]], { dtype: 'int32' })), 'RNNCell.forward: input has the shape [1, 1], expected tokens of the shape [batch]'],
    ['a token out of range', OptionError, () => new RNNCell(sizes).forward(tensor([3], { dtype: 'int32' })), 'RNNCell.forward: token 3 is out of range, expected 0 to inputSize − 1 = 2'],
    ['no tensor', ShapeError, () => new RNNCell(sizes).forward([[1, 2, 3]] as never), 'RNNCell.forward: input is'],
    ['a state of a layer', ShapeError, () => new GRUCell(sizes).forward(zeros([2, 3]), zeros([1, 2, 2])), 'GRUCell.forward: state has the shape [1, 2, 2], expected [batch, hiddenSize] = [2, 2]'],
    ['c of another batch', ShapeError, () => new LSTMCell(sizes).forward(zeros([2, 3]), { h: zeros([2, 2]), c: zeros([1, 2]) }), 'LSTMCell.forward: state has the shape [1, 2], expected [batch, hiddenSize] = [2, 2]'],
    ['h alone', ShapeError, () => new LSTMCell(sizes).forward(zeros([2, 3]), zeros([2, 2]) as never), 'LSTMCell.forward: state is not { h, c }'],
    ['an LSTM’s pair', ShapeError, () => new RNNCell(sizes).forward(zeros([2, 3]), new LSTMCell(sizes).beginState(2) as never), 'RNNCell.forward: state is not a tensor, expected [batch, hiddenSize]'],
    ['no hiddenSize', OptionError, () => new GRUCell({ inputSize: 2 } as never), 'GRUCell: hiddenSize is undefined'],
    ['an inputSize that is not whole', OptionError, () => new GRUCell({ inputSize: 1.5, hiddenSize: 2 }), 'GRUCell: inputSize is 1.5'],
    ['an option of layers', OptionError, () => new GRUCell({ ...sizes, numLayers: 2 } as never), 'GRUCell: there is no option numLayers'],
    ['a nonlinearity for a GRU', OptionError, () => new GRUCell({ ...sizes, nonlinearity: 'relu' } as never), 'GRUCell: there is no option nonlinearity: only an RNN'],
    ['an unknown nonlinearity', OptionError, () => new RNNCell({ ...sizes, nonlinearity: 'sin' as never }), "RNNCell: nonlinearity is 'sin', expected one of 'tanh', 'relu'"],
    ['an empty batch', OptionError, () => new RNNCell(sizes).beginState(0), 'RNNCell.beginState: batchSize is 0'],
  ])('refuses %s', (_name, error, call, message) => {
    expect(call).toThrow(error)
    expect(call).toThrow(message)
  })
})
