import { describe, expect, test } from 'vitest'
import * as unrolled from '../src/index.js'

// What every public function and method does with what a JavaScript user may give it by mistake.

const { Vocab, GRU, RNNModel, SGD, Linear, Generator, StepLR, CosineLR, ReduceLROnPlateau } = unrolled
const vocab = Vocab.count('abc')
const model = new RNNModel(new GRU({ inputSize: vocab.size, hiddenSize: 2 }), vocab.size)
const linear = new Linear({ inFeatures: 1, outFeatures: 1 })
const optimizer = new SGD(linear.parameters(), { lr: 1 })
const corpus = vocab.encode('abcabcabc')
const data = new unrolled.SequenceData(corpus, { batchSize: 1, numSteps: 2 })
const generator = new Generator(1)

type Door = (wrong: never) => unknown
const doors: [name: string, door: Door][] = [
  ['Vocab.count', (wrong) => Vocab.count(wrong)],
  ['Vocab.ofCounts', (wrong) => Vocab.ofCounts(wrong)],
  ['Vocab.of', (wrong) => Vocab.of(wrong)],
  ['Vocab.encode', (wrong) => vocab.encode(wrong)],
  ['Vocab.decode', (wrong) => vocab.decode(wrong)],
  ['Vocab.split', (wrong) => vocab.split(wrong)],
  ['Vocab.join', (wrong) => vocab.join(wrong)],
  ['Vocab.tokenOf', (wrong) => vocab.tokenOf(wrong)],
  ['SequenceData', (wrong) => new unrolled.SequenceData(wrong)],
  ['splitCorpus', (wrong) => unrolled.splitCorpus(wrong)],
  ['ngramBaselines', (wrong) => unrolled.ngramBaselines(wrong, corpus, 4)],
  ['ngramBaselines', (wrong) => unrolled.ngramBaselines(corpus, wrong, 4)],
  ['ngramBaselines', (wrong) => unrolled.ngramBaselines(corpus, corpus, wrong)],
  ['cleanLines', (wrong) => unrolled.cleanLines(wrong)],
  ['sequencesFromText', (wrong) => unrolled.sequencesFromText(wrong)],
  ['extendVocab', (wrong) => unrolled.extendVocab(wrong, vocab, ['x'], generator)],
  ['extendVocab', (wrong) => unrolled.extendVocab(model as never, wrong, ['x'], generator)],
  ['extendVocab', (wrong) => unrolled.extendVocab(model as never, vocab, wrong, generator)],
  ['extendVocab', (wrong) => unrolled.extendVocab(model as never, vocab, ['x'], wrong)],
  ['evaluate', (wrong) => unrolled.evaluate(wrong, data)],
  ['evaluate', (wrong) => unrolled.evaluate(model, wrong)],
  ['evaluateCorpus', (wrong) => unrolled.evaluateCorpus(wrong, corpus)],
  ['evaluateCorpus', (wrong) => unrolled.evaluateCorpus(model as never, wrong)],
  ['calibrate', (wrong) => unrolled.calibrate(wrong, corpus)],
  ['calibrate', (wrong) => unrolled.calibrate(model as never, wrong)],
  ['Training', (wrong) => new unrolled.Training(wrong, data)],
  ['Training', (wrong) => new unrolled.Training(model, wrong)],
  ['train', (wrong) => unrolled.train(wrong, data, vocab)],
  ['train', (wrong) => unrolled.train(model, wrong, vocab)],
  ['trainSteps', (wrong) => unrolled.trainSteps(wrong, data).next()],
  ['predict', (wrong) => unrolled.predict('a', 1, wrong, vocab)],
  ['predict', (wrong) => unrolled.predict('a', 1, model, wrong)],
  ['beamSearch', (wrong) => unrolled.beamSearch(wrong, vocab)],
  ['encodeModel', (wrong) => unrolled.encodeModel(wrong, vocab)],
  ['encodeModel', (wrong) => unrolled.encodeModel(model as never, wrong)],
  ['encodeStateDict', (wrong) => unrolled.encodeStateDict(wrong)],
  ['decodeStateDict', (wrong) => unrolled.decodeStateDict(wrong)],
  ['RNNModel', (wrong) => new RNNModel(wrong, 4)],
  ['initialize', (wrong) => unrolled.initialize(wrong, {})],
  ['SGD', (wrong) => new SGD(wrong, { lr: 1 })],
  ['Adam', (wrong) => new unrolled.Adam(wrong)],
  ['clipGradNorm', (wrong) => unrolled.clipGradNorm(wrong, 1)],
  ['SGD.loadStateDict', (wrong) => optimizer.loadStateDict(wrong)],
  ['StepLR.loadStateDict', (wrong) => new StepLR(optimizer, { stepSize: 1 }).loadStateDict(wrong)],
  ['CosineLR.loadStateDict', (wrong) => new CosineLR(optimizer, { totalSteps: 3 }).loadStateDict(wrong)],
  ['ReduceLROnPlateau.loadStateDict', (wrong) => new ReduceLROnPlateau(optimizer).loadStateDict(wrong)],
  ['Linear.loadStateDict', (wrong) => linear.loadStateDict(wrong)],
  ['Linear.inEval', (wrong) => linear.inEval(wrong)],
  ['Generator.shuffle', (wrong) => generator.shuffle(wrong)],
  ['Generator.mask', (wrong) => generator.mask(wrong, 0.5, 1)],
]

describe('a wrong argument gets one sentence that names the function', () => {
  test.each(doors)('%s, case %#', async (name, door) => {
    for (const wrong of [undefined, null, Number.NaN, true, Symbol('x'), { a: 1 }, () => 1]) {
      if (name.endsWith('inEval') && typeof wrong === 'function') continue
      const calling = Promise.resolve().then(() => door(wrong as never))
      await expect(calling, String(wrong)).rejects.toThrow(unrolled.UnrolledError)
      await expect(calling, String(wrong)).rejects.toThrow(new RegExp(`^${name.replace('.', '\\.')}: `))
    }
  })
})
