"""The batches of a training, in the order in which Unrolled draws them."""

import os
from array import array

import torch

WORD = 2**32 - 1


def rotated(x, k):
    return (x << k | x >> (32 - k)) & WORD


class Generator:
    """xoshiro128** (Blackman & Vigna 2018), whose state is four words of 32 bits."""

    def __init__(self, state):
        self.state = state

    def bits(self):
        a, b, c, d, *rest = self.state
        c, d = c ^ a, d ^ b
        self.state = [a ^ d, b ^ c, c ^ b << 9 & WORD, rotated(d, 11), *rest]
        return rotated(b * 5 & WORD, 7) * 9 & WORD

    def integer(self, n):
        """A whole number from 0 to n - 1, each equally likely."""
        limit = 2**32 - 2**32 % n
        while (value := self.bits()) >= limit:
            pass
        return value % n

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.integer(i + 1)
            items[i], items[j] = items[j], items[i]


def cut(tokens, starts, steps):
    """The inputs and the labels, which are one token later, of the sequences that begin at `starts`."""
    rows = torch.stack([tokens[start : start + steps + 1] for start in starts]).long()
    return rows[:, :-1], rows[:, 1:]


class Epoch:
    """One pass over a text, with a random offset. `count` is the number of its batches.

    Sequential: the text fills `batchSize` rows, and each batch continues the one before. Random: sequences that do not
    overlap, shuffled.
    """

    def __init__(self, tokens, options, generator):
        self.tokens, self.steps, self.size = tokens, options['numSteps'], options['batchSize']
        self.sequential = options['sampling'] == 'sequential'
        self.offset = generator.integer(self.steps + self.sequential)
        left = len(tokens) - self.offset - 1
        if self.sequential:
            self.width = left // self.size
            self.count = self.width // self.steps
        else:
            self.order = array('I', range(left // self.steps))
            generator.shuffle(self.order)
            self.count = len(self.order) // self.size

    def batch(self, number, rows):
        """The given rows of a batch."""
        if self.sequential:
            starts = [row * self.width + number * self.steps for row in rows]
        else:
            starts = [self.order[number * self.size + row] * self.steps for row in rows]
        return cut(self.tokens, [self.offset + start for start in starts], self.steps)


def read_tokens(path, vocab_size):
    """The tokens of a file, of which only the batches are read into memory."""
    kind = torch.uint8 if vocab_size <= 256 else torch.int32
    size = os.path.getsize(path) // torch.empty((), dtype=kind).element_size()
    return torch.from_file(str(path), shared=False, size=size, dtype=kind)
