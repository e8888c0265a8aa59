"""The language model of Unrolled: tokens, recurrent layers, a linear output over the vocabulary.

Parameters have the names and shapes under which Unrolled saves them.
"""

import torch
from torch import nn
from torch.nn import functional as F

LAYERS = {'rnn': nn.RNN, 'gru': nn.GRU, 'lstm': nn.LSTM}
# Layer normalization is for each group of gates by itself: a GRU has r and z together, and n apart.
GROUPS = {'rnn': [1], 'gru': [2, 1], 'lstm': [4]}


class RNNModel(nn.Module):
    """A model of a configuration, which is that of Unrolled's config.json."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        cell, hidden, vocab = config['cell'], config['hiddenSize'], config['vocabSize']
        options = {'num_layers': config['numLayers'], 'bias': config['bias']}
        if cell == 'rnn':
            options['nonlinearity'] = config.get('nonlinearity', 'tanh')
        outputs = config.get('projSize', hidden)
        if outputs != hidden:
            options['proj_size'] = outputs
        if config['numLayers'] > 1:
            options['dropout'] = config['dropout']
        features = config.get('embeddingSize')
        if features:
            self.embedding = nn.Embedding(vocab, features)
        self.rnn = LAYERS[cell](features or vocab, hidden, bidirectional=config['bidirectional'], **options)
        self.linear = nn.Linear(outputs * (1 + config['bidirectional']), vocab)
        if config.get('tieWeights'):
            self.linear.weight = self.embedding.weight
        if config.get('layerNorm'):
            self.add_normalization()
        variational = config.get('dropoutKind') == 'variational'
        self.variational = variational
        # PyTorch's own layers have neither of these.
        self.by_layer = variational or config.get('layerNorm') or config.get('weightDropout')

    def add_normalization(self):
        hidden = self.config['hiddenSize']
        rows = hidden * sum(GROUPS[self.config['cell']])
        for suffix in self.suffixes():
            names = {'gain_ih': rows, 'gain_hh': rows}
            if self.config['cell'] == 'lstm':
                names['gain_c'] = hidden
                if self.config['bias']:
                    names['bias_c'] = hidden
            for name, size in names.items():
                self.rnn.register_parameter(f'{name}_{suffix}', nn.Parameter(torch.ones(size)))

    def suffixes(self):
        """The endings of the parameters' names: one for each layer and direction."""
        ends = ['', '_reverse'] if self.config['bidirectional'] else ['']
        return [f'l{layer}{end}' for layer in range(self.config['numLayers']) for end in ends]

    def forward(self, tokens, state=None):
        """tokens: int64 [batch, steps]. Returns scores [steps * batch, vocabulary], time first, and the new state."""
        tokens, p = tokens.T, self.config.get('inputDropout', 0)
        if self.config.get('embeddingSize'):
            x = self.drop(self.embedding(tokens), p)
        else:
            if self.training and p > 0:  # a dropped token is read as <unk>
                tokens = tokens * (torch.rand(tokens.shape, device=tokens.device) >= p)
            x = F.one_hot(tokens, self.config['vocabSize']).to(self.linear.weight.dtype)
        output, state = self.layers(x, state) if self.by_layer else self.rnn(x, state)
        return self.linear(self.drop(output, self.config.get('outputDropout', 0))).flatten(0, 1), state

    def drop(self, x, p):
        """Dropout; where it is variational, one mask for all time steps."""
        if not self.variational:
            return F.dropout(x, p, self.training)
        return x * F.dropout(torch.ones_like(x[:1]), p, self.training)

    def layers(self, x, state):
        """The layers one by one, which gives them the kinds of dropout and normalization that nn.LSTM lacks."""
        suffixes = self.suffixes()
        if state is None:
            hidden = self.config['hiddenSize']
            widths = [self.config.get('projSize', hidden), hidden][:2 if self.config['cell'] == 'lstm' else 1]
            state = joined([x.new_zeros(len(suffixes), x.shape[1], width) for width in widths])
        before = list(zip(*parts_of(state)))
        after = []
        directions = 1 + self.config['bidirectional']
        for first in range(0, len(suffixes), directions):
            if first > 0:
                x = self.drop(x, self.config['dropout'])
            outputs = []
            for index in range(first, first + directions):
                backwards = index > first
                output, *last = self.layer(x.flip(0) if backwards else x, before[index], suffixes[index])
                outputs.append(output.flip(0) if backwards else output)
                after.append(last)
            x = torch.cat(outputs, -1)
        return x, joined([torch.stack(part) for part in zip(*after)])

    def layer(self, x, before, suffix):
        """One layer in one direction. Returns the output and the parts of the state after it."""
        names = [f'{name}_{suffix}' for name in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr')]
        w_ih, w_hh, *others = [getattr(self.rnn, name) for name in names if hasattr(self.rnn, name)]
        w_hh = F.dropout(w_hh, self.config.get('weightDropout', 0), self.training)
        if self.config.get('layerNorm'):
            return self.normalized(x, before, suffix, w_ih, w_hh, *others)
        run = getattr(torch, self.rnn.mode.lower())  # torch.lstm and its like are what nn.LSTM calls
        start, weights = joined([part[None] for part in before]), [w_ih, w_hh, *others]
        output, *last = run(x, start, weights, self.config['bias'], 1, 0.0, self.training, False, False)
        return (output, *[part[0] for part in last])

    def normalized(self, x, before, suffix, w_ih, w_hh, b_ih=None, b_hh=None):
        """A layer whose sums and c are normalized (Ba, Kiros & Hinton 2016), step by step."""
        cell, hidden = self.config['cell'], self.config['hiddenSize']
        sizes = [hidden * gates for gates in GROUPS[cell]]

        def norm(sums, gain, bias):
            bias = torch.zeros_like(gain) if bias is None else bias
            groups = zip(sums.split(sizes, -1), gain.split(sizes), bias.split(sizes))
            return torch.cat([F.layer_norm(part, part.shape[-1:], g, b) for part, g, b in groups], -1)

        def of(name):
            return getattr(self.rnn, f'{name}_{suffix}', None)

        h, *c = before
        inputs = norm(x @ w_ih.T, of('gain_ih'), b_ih)
        outputs = []
        for a in inputs:
            u = norm(h @ w_hh.T, of('gain_hh'), b_hh)
            if cell == 'lstm':
                i, f, g, o = (a + u).chunk(4, -1)
                c = [f.sigmoid() * c[0] + i.sigmoid() * g.tanh()]
                h = o.sigmoid() * F.layer_norm(c[0], [hidden], of('gain_c'), of('bias_c')).tanh()
            elif cell == 'gru':
                (a_r, a_z, a_n), (u_r, u_z, u_n) = a.chunk(3, -1), u.chunk(3, -1)
                n = (a_n + (a_r + u_r).sigmoid() * u_n).tanh()
                h = n + (a_z + u_z).sigmoid() * (h - n)
            else:
                h = (a + u).relu() if self.rnn.mode == 'RNN_RELU' else (a + u).tanh()
            outputs.append(h)
        return (torch.stack(outputs), h, *c)


def parts_of(state):
    """The tensors of a recurrent state: h, and c of an LSTM."""
    return () if state is None else state if isinstance(state, tuple) else (state,)


def joined(parts):
    """The recurrent state of these tensors."""
    return tuple(parts) if len(parts) > 1 else parts[0]
