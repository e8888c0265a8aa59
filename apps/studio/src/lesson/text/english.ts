import type { LessonText } from '../outline'

export const english: LessonText = {
  title: 'A recurrent network in a few lines',
  lead: [
    'Writing a recurrent network from scratch shows how it works, but the code is neither short nor fast. In this lesson we make the same character-level language model out of ready-made layers, train it, and then compare it with the one from scratch.',
    'Every cell is TypeScript and runs here, in your browser. Run the cells from top to bottom, change whatever you like, and run them again. The lesson retells, in its own words, the section [*Concise Implementation of Recurrent Neural Networks*](https://d2l.ai/chapter_recurrent-neural-networks/rnn-concise.html) of the book *Dive into Deep Learning*.',
  ],
  sections: {
    data: { title: 'Loading the data' },
    layer: {
      title: 'The recurrent layer',
      begins: [
        'A recurrent layer reads a sequence step by step. At every time step it mixes the current input with its own hidden state of the step before: h′ = tanh(W_ih x + b_ih + W_hh h + b_hh). The same weights serve all time steps.',
      ],
      ends: [
        'Note what has *not* happened. The layer’s output is its hidden state; no score of any character has been computed yet. That is the work of an output layer, which comes next.',
      ],
    },
    model: { title: 'The model' },
    prediction: { title: 'Prediction with random weights' },
    training: {
      title: 'Training',
      ends: [
        'After 50 epochs you see common letters and short words. After 500, as in the book, the perplexity is about 1.3 and the model recites the text that it has learned by heart.',
      ],
    },
    scratch: {
      title: 'The same from scratch',
      begins: [
        'How much do the ready-made parts save us? The following cells build the same model from nothing but tensors. They are a program of their own and share no variables with the cells above.',
      ],
    },
    comparison: {
      title: 'Comparison',
      begins: [
        'Both versions compute the same thing, so both learn equally well: after 500 epochs the book reports a perplexity of 1.3 for the layer and 1.2 for the version from scratch, and here it is 1.3 and 1.2, too.',
        'They differ in length and in speed. The concise program, with its plot and all that it prints, is a third as long.',
      ],
      ends: [
        'The layer is several times as fast, because it goes through all time steps in a single operation, forward and backward, in WebAssembly and on several threads, whereas the version from scratch makes hundreds of small tensors in each step of training. The two curves are not the same, because the layer begins with other random weights, but they lead to the same place.',
      ],
    },
    summary: {
      title: 'Summary',
      begins: [
        [
          'A library’s recurrent layer replaces the loop through time that we would otherwise write ourselves.',
          'The layer gives two things: the hidden states of all time steps, which an output layer turns into scores, and the state of the last step, with which the next minibatch can begin.',
          'The high-level version is shorter and trains faster than the one from scratch, and learns just as well.',
        ],
      ],
    },
    exercises: {
      title: 'Exercises',
      begins: [
        'Think about each question before you run its cells. Each exercise is a program of its own; its trainings are short, so that you see a result within a minute or two. More epochs make the effects clearer.',
      ],
    },
    overfit: {
      title: '1. Can you make the network overfit?',
      begins: [
        'A model overfits when it keeps improving on the text that it is trained on, while it gets worse on text that it has not seen.',
      ],
      ends: [
        'It can: the training perplexity falls towards 1, while the perplexity of the held-out text reaches its lowest value early and then rises far above it. What else than stopping early would help? More text would, and so would a smaller model, or dropout.',
      ],
    },
    layers: {
      title: '2. What happens with more hidden layers?',
      begins: [
        'With `numLayers`, layers are stacked: each one reads the hidden states of the one below. Does a deeper network learn better?',
      ],
      ends: [
        'With small initial weights the signal shrinks from layer to layer, and so does the gradient on its way back: the deeper the stack, the longer it takes until anything is learned. With weights that are uniform within ±1/√256, deep stacks do train, but on so little text they gain nothing over one layer.',
      ],
    },
    sine: {
      title: '3. An autoregressive model with a recurrent network',
      begins: [
        'The section on sequences predicts a noisy sine curve from its last four values, with an ordinary network. Here a recurrent network does so, from windows of 32 values.',
      ],
      ends: [
        'One step ahead, the error is close to that of the noise, which nobody can predict. Further ahead the network has to build on its own predictions, and the errors add up.',
      ],
    },
  },
  cells: {
    load: [
      'We train on *The Time Machine* by H. G. Wells. Everything but letters becomes a space, and capitals become small. The *vocabulary* numbers the 28 tokens that are left: 26 letters, the space, and `<unk>` for anything unknown.',
      'The first 10,000 characters become minibatches of 32 sequences with 35 time steps each. The label of a character is the character after it. With sequential partitioning, which is the default, each sequence of a minibatch goes on in the next minibatch, so the hidden state can be carried over.',
      'Where the book’s text cannot be found, *Moby Dick* takes its place. The cell tells which text it has, and your figures will differ a little.',
    ],
    layer: [
      'Our layer has 256 hidden units. Its inputs are characters in one-hot encoding, so each has as many numbers as the vocabulary has tokens.',
    ],
    state: [
      'Before the first time step there is no past: the state begins with zeros. Its shape is [hidden layers, batch size, hidden units]. The state of an LSTM has two such tensors, `h` and `c`.',
    ],
    forward: [
      'Now we send random numbers through the layer, in the shape of a minibatch with time first. `Y` has the hidden state at *every* time step; `newState` has the one after the *last*, and could be where the next minibatch begins.',
    ],
    model: [
      'A complete model needs two more parts: the one-hot encoding in front, and behind the layer a linear output layer, which turns each hidden state into one score per token of the vocabulary. Here they are, as a class.',
      'Mind the order. The tokens come as [batch, time steps] and are transposed, so that time is first. Hence the output has its rows in that order, and the labels must be transposed before the two are compared. Those who forget it get a model that only ever writes spaces.',
    ],
    same: [
      'The library has this class already, as `RNNModel`. Given the same parameters, both compute the same scores.',
    ],
    random: [
      'Before training, let us see what the model writes. `predict` first feeds it the beginning of a text, whose predictions are ignored; this *warm-up* brings the hidden state to where it should be. Then it appends the likeliest character, ten times over. `tryGpu` takes a graphics card if the browser offers one.',
    ],
    train: [
      'The weights are random, so the text is nonsense. Now we train, as the book does: stochastic gradient descent at a learning rate of 1, with gradient clipping, which scales the gradients down whenever their norm exceeds 1.',
      'The measure is the *perplexity*, the exponential of the mean loss: 28 for blind guessing, 1 for certainty. The book trains for 500 epochs. The cell has 50, which take some seconds; put in 500, if you can wait a minute or two. You can stop it at any time: the model keeps what it has learned.',
    ],
    write: ['And what does it write now?'],
    'scratch-parameters': [
      'The parameters: weights from the input to the hidden state, from the hidden state to itself, and from there to the output, with their biases.',
    ],
    'scratch-rnn': ['The model is a loop through time. This is what the layer spares us.'],
    'scratch-predict': ['Prediction, with warm-up:'],
    'scratch-step': ['The loss, gradient clipping, and one step of gradient descent:'],
    'scratch-train': [
      'And the loop over epochs and minibatches. The state is carried from one minibatch to the next, but detached, so that gradients do not flow back further than one minibatch.',
    ],
    comparison: [
      'Compare them in your browser: this cell trains the layer for as many epochs as the version from scratch has just had, and sets both side by side.',
    ],
    'overfit-data': ['So we train on very little text, 6,000 characters, and keep the next 6,000 for comparison.'],
    'overfit-train': ['A GRU with 256 units has more than 200,000 parameters: plenty to remember so little text.'],
    'overfit-curve': ['Where is the held-out perplexity lowest?'],
    layers: [
      'Stacks of one, two and three layers, each once with the small initial weights of one of the book’s versions, normal with deviation 0.01, and once with this library’s usual ones. This cell takes longest; you may reduce the epochs.',
    ],
    'sine-data': ['The data: 1,000 points of a sine curve with noise.'],
    'sine-model': ['The model reads a window of 32 values and predicts the next one.'],
    'sine-train': ['It is trained on the first 600 points, with AdamW and the mean absolute error.'],
    'sine-ahead': [
      'Predicting further ahead means that the network reads its own predictions, because the true values are not known yet.',
    ],
    'sine-curve': ['How far ahead can it see?'],
  },
}
