"""Times PyTorch's training step on request: a line `kind hidden batch steps layers threads count` in, a line of
milliseconds out (the median of `count` steps). bench/train.ts talks to it, so that both sides take turns."""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
V = 28
made = {}


def stepper(kind, H, B, T, L):
    net, lin = KINDS[kind](V, H, L), nn.Linear(H, V)
    params = [*net.parameters(), *lin.parameters()]
    opt, lossf = torch.optim.SGD(params, lr=1.0), nn.CrossEntropyLoss()
    X, Y = torch.randint(0, V, (B, T)), torch.randint(0, V, (B, T))

    def step():
        o, _ = net(F.one_hot(X.T.long(), V).float())
        loss = lossf(lin(o.reshape(-1, H)), Y.T.reshape(-1))
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1)
        opt.step()
        return loss.item()

    return step


print(torch.__version__, flush=True)
for line in sys.stdin:
    kind, *numbers = line.split()
    H, B, T, L, threads, count = map(int, numbers)
    torch.set_num_threads(threads)
    step = made.setdefault((kind, H, B, T, L), stepper(kind, H, B, T, L))
    step()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(sorted(times)[count // 2] * 1e3, flush=True)
