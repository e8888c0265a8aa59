// The same model with nothing but tensors: the section "Implementation of Recurrent Neural Networks from
// Scratch". It writes out what rnn-concise.ts takes from the library: the layer, the loop and the loss.
//   npm run example examples/rnn-scratch.ts [EPOCHS]     plots both to runs/rnn-scratch.svg

// %% scratch-parameters
import { loadTimeMachine, noGrad, oneHot, randn, stack, type Tensor, tensor, type Vocab, zeros } from 'unrolled'

const { data, vocab } = await loadTimeMachine({ batchSize: 32, numSteps: 35 })
const [numEpochs, lr, numHiddens] = [Number(process.argv[2] ?? 500), 1, 256]
// %%= const [numEpochs, lr, numHiddens] = [20, 1, 256]

// Parameters: weights normal with deviation 0.01, biases zero
const normal = (...shape: number[]) => randn(shape).mul(0.01).detach().requiresGrad_()
const W_xh = normal(vocab.size, numHiddens)
const W_hh = normal(numHiddens, numHiddens)
const b_h = zeros([numHiddens]).requiresGrad_()
const W_hq = normal(numHiddens, vocab.size)
const b_q = zeros([vocab.size]).requiresGrad_()
const params = [W_xh, W_hh, b_h, W_hq, b_q]

// %% scratch-rnn
/** Scores [numSteps × batch, vocab] of the tokens [batch, numSteps], and the new hidden state [batch, hidden]. */
function rnn(inputs: Tensor, H: Tensor): [Tensor, Tensor] {
  const X = oneHot(inputs.T, vocab.size)
  const outputs: Tensor[] = []
  for (let t = 0; t < X.shape[0]; t++) {
    H = X.select(0, t).matmul(W_xh).add(H.matmul(W_hh)).add(b_h).tanh()
    outputs.push(H.matmul(W_hq).add(b_q))
  }
  return [stack(outputs, 0).reshape(-1, vocab.size), H]
}

// %% scratch-predict
/** Continues `prefix` by the `numPreds` likeliest characters. */
async function predict(prefix: string, numPreds: number, vocab: Vocab): Promise<string> {
  let H = zeros([1, numHiddens])
  const tokens = [...vocab.encode(prefix)]
  for (let i = 0; i < prefix.length + numPreds - 1; i++) {
    const [scores, next] = noGrad(() => rnn(tensor([[tokens[i]]], { dtype: 'int32' }), H))
    H = next
    if (i >= prefix.length - 1) tokens.push(await scores.argmax().item())
  }
  return vocab.decode(Int32Array.from(tokens)).join('')
}

// %% scratch-step
/** The mean loss of the labels. */
function crossEntropy(scores: Tensor, labels: Tensor): Tensor {
  return scores.logSoftmax().pick(labels).mean().neg()
}

/** Scales all gradients so that their common norm is at most theta. */
async function gradClipping(theta: number): Promise<void> {
  const squares = params.map((p) => p.grad!.square().sum())
  const norm = Math.sqrt(await squares.reduce((sum, square) => sum.add(square)).item())
  if (norm > theta) for (const p of params) p.grad = p.grad!.mul(theta / norm)
}

/** Moves every parameter against its gradient. */
function sgd(): void {
  for (const p of params) {
    for (let i = 0; i < p.size; i++) p.data[i] -= lr * p.grad!.data[i]
    p.grad = null
  }
}

// %% scratch-train
const [perplexities, speeds]: number[][] = [[], []]
for (let epoch = 1; epoch <= numEpochs; epoch++) {
  const start = performance.now()
  let H = zeros([data.batchSize, numHiddens])
  let [loss, tokens] = [0, 0]
  for (const { x, y } of data.batches()) {
    const [scores, next] = rnn(x, H.detach())
    H = next
    const l = crossEntropy(scores, y.T.reshape(-1))
    l.backward()
    await gradClipping(1)
    sgd()
    loss += (await l.item()) * y.size
    tokens += y.size
  }
  perplexities.push(Math.exp(loss / tokens))
  speeds.push(tokens / ((performance.now() - start) / 1000))
  if (epoch % Math.ceil(numEpochs / 10) === 0) {
    console.log(`epoch ${epoch}: perplexity ${perplexities.at(-1)!.toFixed(2)}, ${speeds.at(-1)!.toFixed(0)} tokens/s`)
    console.log(`  ${await predict('time traveller', 50, vocab)}`)
  }
}

// %% comparison
import { RNN, RNNModel, train } from 'unrolled'
import { show } from './show.js'

const concise = new RNNModel(new RNN({ inputSize: vocab.size, hiddenSize: numHiddens }), vocab.size)
const { history } = await train(concise, data, vocab, { lr, epochs: numEpochs })
const versions = {
  'from scratch': [perplexities, speeds],
  'with the layer': [history.map((epoch) => epoch.perplexity), history.map((epoch) => epoch.tokensPerSecond)],
}
for (const [name, [reached, speeds]] of Object.entries(versions)) {
  const median = speeds.toSorted((a, b) => a - b)[speeds.length >> 1]
  console.log(`${name}: perplexity ${reached.at(-1)!.toFixed(2)}, ${median.toFixed(0)} tokens/s`)
}
const series = Object.entries(versions).map(([name, [y]]) => ({ name, x: y.map((_, i) => i + 1), y }))
await show({ title: 'The same model, twice', xLabel: 'epoch', yLabel: 'perplexity', series })
