import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { Generator } from '../core/random.js'
import { labelledTexts } from '../data/labels/labelled-texts.js'
import { GRU } from '../nn/gru.js'
import { SequenceClassifier } from '../nn/sequence-classifier.js'
import { SequenceTagger } from '../nn/sequence-tagger.js'
import { classify, type Labeller, tag } from '../train/labeller.js'
import { isLabeller, loadLabeller, saveLabeller } from './labeller-folder.js'
import { loadModel } from './model-folder.js'

const data = labelledTexts(
  [
    { text: 'Good and new', label: 'pro' },
    { text: 'bad and old', label: 'contra' },
  ],
  { lowercase: true, maxTokens: 9 },
)

function made(): Labeller<SequenceClassifier> {
  const generator = new Generator(2)
  const rnn = new GRU({ inputSize: 6, hiddenSize: 5, numLayers: 2, bidirectional: true, dropout: 0.1, generator })
  const options = { embeddingSize: 6, pooling: 'mean', outputDropout: 0.2, generator } as const
  return { model: new SequenceClassifier(rnn, data.vocab.size, 2, options), vocab: data.vocab, spec: data.spec }
}

const folder = async () => path.join(await mkdtemp(path.join(tmpdir(), 'labels-')), 'model')

test('a classifier and a tagger are loaded as they were saved', async () => {
  const place = await folder()
  const labeller = made()
  await saveLabeller(place, labeller)
  expect(await isLabeller(place)).toBe(true)
  const loaded = (await loadLabeller(place)) as Labeller<SequenceClassifier>
  const texts = ['GOOD new', 'old', 'and something else']
  expect(await classify(loaded, texts)).toEqual(await classify(labeller, texts))
  expect(loaded.spec).toEqual(labeller.spec)
  expect([loaded.model.pooling, loaded.model.outputDropout, loaded.model.rnn.dropout]).toEqual(['mean', 0.2, 0.1])

  const generator = new Generator(3)
  const tagger = new SequenceTagger(
    new GRU({ inputSize: data.vocab.size, hiddenSize: 4, generator }),
    data.vocab.size,
    2,
  )
  await saveLabeller(place, { ...labeller, model: tagger })
  const again = (await loadLabeller(place)) as Labeller<SequenceTagger>
  expect(await tag(again, texts)).toEqual(await tag({ ...labeller, model: tagger }, texts))
})

test('other and damaged folders are refused in one sentence', async () => {
  const place = await folder()
  await expect(loadLabeller(place)).rejects.toThrow(/there is no config\.json, expected the folder of a model/)
  await saveLabeller(place, made())
  await expect(loadModel(place)).rejects.toThrow(/config\.json: the model labels texts, expected a language model/)
  const config = path.join(place, 'config.json')
  const text = await readFile(config, 'utf8')
  const with_ = async (from: string | RegExp, to: string) => {
    await writeFile(config, text.replace(from, to))
    return expect(loadLabeller(place)).rejects
  }
  await (await with_('unrolled labels', 'unrolled')).toThrow(
    /it is a language model, expected a model that labels texts$/,
  )
  await (await with_('"contra"', '"pro"')).toThrow(/spec\.labels has 2 labels, expected at least two, each once$/)
  await (await with_(/"vocabSize":\d+/, '"vocabSize":99')).toThrow(
    /the vocabulary has \d+ tokens, expected 99 according/,
  )
  await (await with_('"hiddenSize":5', '"hiddenSize":500000')).toThrow(
    /rnn\.weight_ih_l0 has the shape \[15, 6\], expected/,
  )
  await writeFile(config, text)
  const vocab = path.join(place, 'vocab.json')
  await writeFile(vocab, (await readFile(vocab, 'utf8')).replace('"g"', '"q"'))
  await expect(loadLabeller(place)).rejects.toThrow(
    /vocab\.json: the file is not the one that was saved \(its SHA-256 differs\)/,
  )
})

test('a model that does not fit its labels is not saved', async () => {
  const labeller = made()
  const spec = { ...labeller.spec, labels: ['a', 'b', 'c'] }
  await expect(saveLabeller(await folder(), { ...labeller, spec })).rejects.toThrow(
    /^saveLabeller: the model has \d+ tokens and 2 labels, expected \d+ and 3, as many as its vocabulary and its spec$/,
  )
})
