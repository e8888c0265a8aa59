import { describe, expect, test } from 'vitest'
import { shown } from '../core/check.js'
import { inspected } from '../core/describe.js'
import { FormatError, GradientError, OptionError } from '../core/errors.js'
import { fromData, randn, tensor, zeros } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'
import { Embedding } from './embedding.js'
import { GRU, GRUCell } from './gru.js'
import { LayerNorm } from './layer-norm.js'
import { Linear } from './linear.js'
import { LSTM } from './lstm.js'
import { RNNModel } from './model.js'
import { Module } from './module.js'
import { Parameter } from './parameter.js'
import { RNN } from './rnn.js'

const one = (bias = false) => new Linear({ inFeatures: 1, outFeatures: 1, bias })
const namesOf = (module: Module) => module.namedParameters().map(([name]) => name)

/** A module with one field of any kind. */
class Holder extends Module {
  constructor(readonly field: unknown) {
    super()
  }
}

describe('a parameter belongs to its module whether or not it is frozen', () => {
  test('in an RNNModel: parameters, stateDict and zeroGrad stay the same', () => {
    const model = new RNNModel(new GRU({ inputSize: 3, hiddenSize: 2 }), 5, { embeddingSize: 3 })
    const names = namesOf(model)
    const weight = model.embedding!.weight.requiresGrad_(false)
    expect(namesOf(model)).toEqual(names)
    expect(Object.keys(model.stateDict())).toEqual(names)
    expect(model.parameters()).toContain(weight)
    model.loadStateDict(model.stateDict())
    const { output } = model.forward(tensor([[1, 2]], { dtype: 'int32' }))
    output.sum().backward()
    expect(weight.grad).toBeNull()
    expect(model.linear.weight.grad).not.toBeNull()
  })

  test('also a plain tensor that required a gradient at any time, and no other tensor', () => {
    class Own extends Module {
      readonly made = tensor([1], { requiresGrad: true })
      readonly asked = tensor([1]).requiresGrad_()
      readonly set = tensor([1])
      readonly frozenFromTheStart = new Parameter(tensor([1]), false)
      readonly constant = tensor([1])
      readonly neverWanted = tensor([1]).requiresGrad_(false)
      readonly tokens = tensor([1], { dtype: 'int32' })
      readonly result: Tensor
      readonly cut: Tensor

      constructor() {
        super()
        this.set.requiresGrad = true
        this.result = this.made.mul(2)
        this.cut = this.result.detach()
      }
    }
    const module = new Own()
    for (const name of ['made', 'asked', 'set'] as const) module[name].requiresGrad_(false)
    expect(namesOf(module)).toEqual(['made', 'asked', 'set', 'frozenFromTheStart'])
  })

  test('requiresGrad_ of a module freezes and unfreezes all parameters inside', () => {
    const model = new RNNModel(new LSTM({ inputSize: 5, hiddenSize: 2 }), 5)
    expect(model.requiresGrad_(false)).toBe(model)
    expect(model.parameters().map(({ requiresGrad }) => requiresGrad)).toEqual(Array(6).fill(false))
    model.rnn.requiresGrad_()
    expect(model.parameters().map(({ requiresGrad }) => requiresGrad)).toEqual([...Array(4).fill(true), false, false])
  })

  test('a Parameter holds floats, and shares the array of its values', () => {
    const values = tensor([1, 2])
    expect(new Parameter(values).data).toBe(values.data)
    expect(() => new Parameter(tensor([1], { dtype: 'int32' }))).toThrow(GradientError)
    for (const values of [[[1, 2]], Float64Array.of(1), undefined, null]) {
      expect(() => new Parameter(values as never)).toThrow(/^Parameter: the argument is .*, expected a tensor/)
    }
  })

  test('an Embedding learns a plain tensor that it is given', () => {
    const weight = randn([4, 2])
    const embedding = new Embedding({ numEmbeddings: 4, embeddingDim: 2, weight })
    expect(embedding.weight.data).toBe(weight.data)
    expect(namesOf(embedding)).toEqual(['weight'])
    const shared = new Embedding({ numEmbeddings: 4, embeddingDim: 2, weight: embedding.weight })
    expect(shared.weight).toBe(embedding.weight)
  })

  test('the parameters of a recurrent layer are its fields', () => {
    const lstm = new LSTM({ inputSize: 3, hiddenSize: 2, numLayers: 2, bidirectional: true })
    expect(lstm.weight_ih_l0.shape).toEqual([8, 3])
    expect(lstm.weight_ih_l1_reverse.shape).toEqual([8, 4])
    expect(lstm.bias_hh_l1?.shape).toEqual([8])
    expect(new RNN({ inputSize: 1, hiddenSize: 1, bias: false }).bias_ih_l0).toBeUndefined()
  })
})

describe('a parameter is not replaced by a plain tensor, which would be neither learned nor saved', () => {
  const sizes = { inputSize: 3, hiddenSize: 2 }
  test.each<[string, Module, string]>([
    ['Linear.weight', one(), 'weight'],
    ['Linear.bias', one(true), 'bias'],
    ['Embedding.weight', new Embedding({ numEmbeddings: 4, embeddingDim: 2 }), 'weight'],
    ['LayerNorm.bias', new LayerNorm({ numFeatures: 2 }), 'bias'],
    ['LSTM.weight_hh_l0', new LSTM(sizes), 'weight_hh_l0'],
    ['GRUCell.bias_ih', new GRUCell(sizes), 'bias_ih'],
  ])('%s cannot be assigned', (where, module, name) => {
    const [[, parameter]] = module.ownParameters().filter(([own]) => own === name)
    for (const value of [zeros(parameter.shape), new Parameter(zeros(parameter.shape)), undefined]) {
      expect(() => Object.assign(module, { [name]: value })).toThrow(OptionError)
      expect(() => Object.assign(module, { [name]: value })).toThrow(
        `${where}: the field was assigned, expected it to keep its parameter; ${name}.copy_(values) changes the values`,
      )
    }
    expect(module.ownParameters()).toContainEqual([name, parameter])
  })

  test('a bias that a layer was made without cannot be assigned either', () => {
    const message = 'the field was assigned, expected none: the layer was made without this parameter'
    expect(() => Object.assign(one(), { bias: zeros([1]) })).toThrow(`Linear.bias: ${message}`)
    const norm = new LayerNorm({ numFeatures: 2, bias: false })
    expect(() => Object.assign(norm, { bias: zeros([2]) })).toThrow(`LayerNorm.bias: ${message}`)
  })

  test('in a module of one’s own it is noticed when the parameters are next listed', () => {
    class Own extends Module {
      weight: Tensor = new Parameter(tensor([1, 2]))
      scales: Tensor[] = [tensor([1], { requiresGrad: true })]
      inside = new Holder(new Parameter(tensor([1])))
    }
    const message = (name: string) =>
      `Module.parameters: the field ${name} held a parameter and now holds a plain tensor, which would be neither trained nor saved; ` +
      'copy its values with copy_ into the parameter, or assign new Parameter(values) before the optimizer is made'
    const changes: [string, (own: Own) => void][] = [
      ['weight', (own) => Object.assign(own, { weight: zeros([2]) })],
      ['scales.0', (own) => Object.assign(own.scales, [zeros([1])])],
      ['inside.field', (own) => Object.assign(own.inside, { field: zeros([1]) })],
    ]
    for (const [name, change] of changes) {
      const own = new Own()
      own.parameters()
      change(own)
      for (const call of [() => own.parameters(), () => own.stateDict(), () => own.zeroGrad()]) {
        expect(call).toThrow(message(name))
      }
    }
    const own = new Own()
    own.parameters()
    own.weight = new Parameter(zeros([3]))
    own.scales.pop()
    expect(own.parameters()).toEqual([own.weight, own.inside.field])
  })
})

describe('parameters are found', () => {
  const weight = () => new Parameter(tensor([1]))
  test.each<[string, unknown, string[]]>([
    ['an array of tensors', [weight(), weight()], ['field.0', 'field.1']],
    ['nested arrays', [[one()], [one(), [one()]]], ['field.0.0.weight', 'field.1.0.weight', 'field.1.1.0.weight']],
    ['an array with gaps', [undefined, 3, null, one()], ['field.3.weight']],
    ['a plain object', { a: one(), b: { c: weight() } }, ['field.b.c', 'field.a.weight']],
    ['an object without a prototype', Object.assign(Object.create(null), { a: one() }), ['field.a.weight']],
    ['a Map', new Map<unknown, unknown>([['a', one()], [2, weight()]]), ['field.2', 'field.a.weight']], // biome-ignore format: one line
    ['a Set', new Set([one(), weight()]), ['field.1', 'field.0.weight']],
    ['all of them', [new Map([['a', new Set([{ b: [one(true)] }])]])], ['field.0.a.0.b.0.weight', 'field.0.a.0.b.0.bias']], // biome-ignore format: one line
  ])('in %s', (_where, field, expected) => {
    const module = new Holder(field)
    expect(namesOf(module)).toEqual(expected)
    module.eval()
    expect(module.namedModules().every(([, { training }]) => !training)).toBe(true)
    const copy = Object.fromEntries(Object.entries(module.stateDict()).map(([name, { shape }]) => [name, zeros(shape)]))
    module.loadStateDict(copy)
    expect(module.parameters().every(({ data }) => data.every((value) => value === 0))).toBe(true)
  })

  test.each([
    ['RNN', class extends RNN { readonly scale = tensor([1], { requiresGrad: true }) }], // biome-ignore format: one line
    ['GRU', class extends GRU { readonly scale = tensor([1], { requiresGrad: true }) }], // biome-ignore format: one line
    ['LSTM', class extends LSTM { readonly scale = tensor([1], { requiresGrad: true }) }], // biome-ignore format: one line
  ])('in a field of a subclass of %s, after those of the layer', (_cell, Layer) => {
    const layer = new Layer({ inputSize: 1, hiddenSize: 1 })
    expect(namesOf(layer)).toEqual(['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', 'scale'])
  })

  test('once, under the first name, if modules share a tensor or a module is in two fields', () => {
    const layer = one()
    const shared = new Parameter(tensor([1]))
    const module = new Holder([layer, { again: layer }, shared, [shared]])
    expect(namesOf(module)).toEqual(['field.2', 'field.0.weight'])
    expect(module.namedModules().map(([name]) => name)).toEqual(['', 'field.0'])
  })

  test('in modules that contain themselves or each other, and in long chains', () => {
    class Node extends Module {
      readonly layer = one()
      parent: Module | undefined
      next: unknown
    }
    const [root, child] = [new Node(), new Node()]
    root.parent = root
    root.next = child
    child.parent = root
    expect(namesOf(root)).toEqual(['layer.weight', 'next.layer.weight'])
    root.eval()
    expect([root, root.layer, child, child.layer].map(({ training }) => training)).toEqual(Array(4).fill(false))
    root.train()
    expect(child.layer.training).toBe(true)

    const circle: unknown[] = [one()]
    circle.push(circle)
    expect(namesOf(new Holder(circle))).toEqual(['field.0.weight'])
    let list: { item: Module; rest?: unknown } = { item: one() }
    for (let i = 0; i < 20_000; i++) list = { item: list.item, rest: list }
    expect(namesOf(new Holder(list))).toEqual(['field.item.weight'])
    let chain: Module = one()
    for (let i = 0; i < 20_000; i++) chain = new Holder(chain)
    expect(chain.parameters()).toHaveLength(1)
  })

  test('in private fields if the module lists them', () => {
    class Hidden extends Module {
      readonly #layer = one()
      override children(): [string, Module][] {
        return [['layer', this.#layer]]
      }
    }
    expect(namesOf(new Hidden())).toEqual(['layer.weight'])
  })
})

describe('parameters that cannot have a name are refused', () => {
  class Block {
    readonly layer = one()
  }
  class Blocks {
    readonly list = [new Block()]
    readonly more = 1
  }
  test.each<[string, unknown, string]>([
    ['a name with a dot', { 'a.b': one() }, 'the module field.a.b cannot be listed: its key has a dot'],
    ['a parameter’s name with a dot', { 'a.b': new Parameter(tensor([1])) }, 'the parameter field.a.b cannot be'],
    ['an empty name', { '': one() }, 'its key is empty'],
    ['a symbol', { [Symbol('s')]: one() }, 'field.Symbol(s) cannot be listed: its key is a symbol'],
    ['an object as a key of a Map', new Map([[{}, one()]]), 'its key in the Map is not a string or number'],
    ['a module as a key of a Map', new Map([[one(), 'a']]), 'it is a key of a Map'],
    ['one name twice', new Map<unknown, Module>([[1, one()], ['1', one()]]), 'another one has the same name'], // biome-ignore format: one line
    [
      'an object of another class',
      new Block(),
      'field.layer cannot be listed: the class of the object that holds it does not extend Module',
    ],
    ['objects of other classes inside each other', [new Blocks()], 'the module field.0.list.0.layer cannot be listed'],
  ])('%s', (_what, field, message) => {
    const module = new Holder(field)
    for (const call of [() => module.parameters(), () => module.stateDict(), () => module.inEval(() => 1)]) {
      expect(call).toThrow(OptionError)
      expect(call).toThrow(message)
    }
    expect(() => new Holder([module]).parameters()).toThrow(OptionError)
  })

  test('but objects of other classes may hold members that are listed under another name, and anything else', () => {
    class Registry {
      readonly date = new Date(0)
      readonly constant = tensor([1])
      readonly result = tensor([1], { requiresGrad: true }).mul(2)
      readonly bytes = new Uint8Array(3)
      constructor(readonly known: Module) {}
      get layer(): Module {
        return one()
      }
    }
    class Registered extends Module {
      readonly layer = one()
      readonly registry = new Registry(this.layer)
      readonly 'a.b' = 'no module'
    }
    expect(namesOf(new Registered())).toEqual(['layer.weight'])
  })
})

describe('inEval', () => {
  class Pair extends Module {
    readonly a = one()
    readonly b = new Holder([one()])
  }
  const modes = (module: Module) => module.namedModules().map(([, { training }]) => training)

  test.each([
    ['a module in training', (pair: Pair) => pair],
    ['one in eval', (pair: Pair) => pair.eval()],
    ['one with a part in eval', (pair: Pair) => pair.a.eval()],
    ['one with a part in training', (pair: Pair) => pair.eval().b.train()],
  ])('%s returns to its mode, also after an error', (_what, put) => {
    const pair = new Pair()
    put(pair)
    const before = modes(pair)
    expect(pair.inEval(() => modes(pair))).toEqual([false, false, false, false])
    expect(modes(pair)).toEqual(before)
    const fail = () => {
      throw new RangeError('a fault')
    }
    expect(() => pair.inEval(fail)).toThrow(RangeError)
    expect(modes(pair)).toEqual(before)
  })

  test('refuses asynchronous work', () => {
    const pair = new Pair()
    expect(() => pair.inEval(async () => 1)).toThrow(OptionError)
    expect(pair.a.training).toBe(true)
  })

  test('a part that overrides train() keeps its own mode', () => {
    class Frozen extends Module {
      readonly layer = one()
      override train(mode = true): this {
        super.train(mode)
        this.layer.training = false
        return this
      }
    }
    const frozen = new Frozen()
    expect(new Holder([frozen]).train().namedModules().map(([, { training }]) => training)).toEqual([true, true, false]) // biome-ignore format: one line
  })
})

describe('loadStateDict', () => {
  const values = { weight: [0.5, -2.25], bias: [1] }
  const make = () => new Linear({ inFeatures: 2, outFeatures: 1 })
  const known = () => {
    const linear = make()
    linear.weight.data.set(values.weight)
    linear.bias!.data.set(values.bias)
    return linear
  }

  test.each([
    ['JSON', (dict: object) => JSON.parse(JSON.stringify(dict))],
    ['structuredClone', (dict: object) => structuredClone(dict)],
    ['plain arrays', () => ({ weight: { data: values.weight, shape: [1, 2] }, bias: { data: [1], shape: [1] } })],
  ])('accepts a stateDict that went through %s', (_what, through) => {
    const linear = make()
    linear.loadStateDict(through(known().stateDict()))
    expect([...linear.weight.data]).toEqual(values.weight)
    expect([...linear.bias!.data]).toEqual(values.bias)
  })

  test.each<[string, unknown, string]>([
    ['an array', [1, 2], 'weight is an array, expected a tensor or its { data, shape }; encodeStateDict'],
    ['null', null, 'weight is null, expected a tensor'],
    ['a number', 3, 'weight is the number 3, expected a tensor'],
    ['no shape', { data: [1, 2] }, 'weight is an object, expected a tensor'],
    ['too few values', { data: [1], shape: [1, 2] }, 'weight is an object, expected a tensor'],
    ['NaN, which JSON makes null', { data: [1, null], shape: [1, 2] }, 'weight is an object, expected a tensor'],
    ['texts', { data: ['1', '2'], shape: [1, 2] }, 'weight is an object, expected a tensor'],
    ['another shape', { data: [1, 2], shape: [2, 1] }, 'weight has the shape [2, 1], expected [1, 2]'],
    ['whole numbers', fromData(Int32Array.of(1, 2), [1, 2]), 'weight holds whole numbers'],
  ])('refuses %s and changes nothing', (_what, weight, message) => {
    const linear = known()
    const dict = { weight, bias: tensor([7]) } as unknown as Record<string, Tensor>
    expect(() => linear.loadStateDict(dict)).toThrow(FormatError)
    expect(() => linear.loadStateDict(dict)).toThrow(message)
    expect([...linear.bias!.data]).toEqual(values.bias)
  })

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', "the string 'text'"],
    [new Map(), 'a Map'],
  ])('refuses %s in place of a stateDict', (dict, what) => {
    // biome-ignore format: one line
    expect(() => make().loadStateDict(dict as never)).toThrow(`Linear.loadStateDict: the state is ${what}, expected`)
  })
})

describe('a module as a string and in the console', () => {
  test('has a line for each module, with its sizes and its number of parameters', () => {
    const rnn = new LSTM({ inputSize: 3, hiddenSize: 2, numLayers: 2, bidirectional: true })
    const model = new RNNModel(rnn, 1000, { embeddingSize: 3, outputDropout: 0.5 })
    const text = [
      'RNNModel(vocabSize: 1000, outputDropout: 0.5), 8,240 parameters',
      '  embedding: Embedding(embeddingDim: 3), 3,000 parameters',
      '  rnn: LSTM(inputSize: 3, hiddenSize: 2, numLayers: 2, bidirectional: true), 240 parameters',
      '  linear: Linear(inFeatures: 4, outFeatures: 1000), 5,000 parameters',
    ].join('\n')
    expect(String(model)).toBe(text)
    expect(model[inspected]()).toBe(text)
  })

  test('has a parameter that is shared once in the sum, and names classes of one’s own', () => {
    class Tied extends Module {
      readonly layers = [new Linear({ inFeatures: 2, outFeatures: 2, bias: false })]
      readonly embedding = new Embedding({ numEmbeddings: 2, embeddingDim: 2, weight: this.layers[0].weight })
      readonly scale = new Parameter(tensor([1]))
      readonly again = this.layers[0]
    }
    expect(String(new Tied())).toBe(
      [
        'Tied, 5 parameters',
        '  layers.0: Linear(inFeatures: 2, outFeatures: 2), 4 parameters',
        '  embedding: Embedding(embeddingDim: 2), 4 parameters',
      ].join('\n'),
    )
    expect(String(new Holder(one()))).toBe(
      'Holder, 1 parameter\n  field: Linear(inFeatures: 1, outFeatures: 1), 1 parameter',
    )
  })

  test('is bounded, and shows modules whose parameters cannot be listed', () => {
    const many = new Holder(Array.from({ length: 1000 }, () => one()))
    expect(String(many).split('\n').slice(100)).toEqual([
      '  field.99: Linear(inFeatures: 1, outFeatures: 1), 1 parameter',
      '  … and 900 more modules',
    ])
    expect(String(new Holder({ 'a.b': one() }))).toBe('Holder, 0 parameters')
  })
})

test('messages name the layer, whatever a minifier calls its class', () => {
  const layers = [
    new (class a extends LSTM {})({ inputSize: 1, hiddenSize: 1 }),
    new (class a extends Linear {})({ inFeatures: 1, outFeatures: 1 }),
    new (class a extends RNNModel {})(new GRU({ inputSize: 2, hiddenSize: 1 }), 2),
    new (class a extends Holder {})([]),
  ]
  for (const [i, name] of ['LSTM', 'Linear', 'RNNModel', 'Module'].entries()) {
    expect(() => layers[i].loadStateDict({ unknown: zeros([1]) })).toThrow(`${name}.loadStateDict: `)
  }
  for (const [i, name] of ['an LSTM', 'a Linear', 'an RNNModel', 'a Module'].entries()) {
    expect(shown(layers[i])).toBe(name)
  }
  const [lstm] = layers as [LSTM]
  expect(() => lstm.forward(zeros([1, 1, 2]))).toThrow('LSTM.forward: input has 2 features')
  expect(() => lstm.beginState(0)).toThrow('LSTM.beginState')
})
