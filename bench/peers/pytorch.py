"""Times PyTorch: reads one JSON object per line, writes milliseconds, one number per line."""
import torch
from timing import median_time, serve
from torch import nn
from torch.nn import functional as F

KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
V = 28
# The other side computes in full single precision, which cuDNN does only if it is told to.
torch.backends.cudnn.allow_tf32 = False
made = {}


def train_step(cell, hidden, batch, steps, layers, device):
    net, lin = KINDS[cell](V, hidden, layers).to(device), nn.Linear(hidden, V).to(device)
    params = [*net.parameters(), *lin.parameters()]
    opt, lossf = torch.optim.SGD(params, lr=1.0), nn.CrossEntropyLoss()
    X, Y = (torch.randint(0, V, (batch, steps), device=device) for _ in range(2))

    def step():
        o, _ = net(F.one_hot(X.T.long(), V).float())
        loss = lossf(lin(o.reshape(-1, hidden)), Y.T.reshape(-1))
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1)
        opt.step()
        return loss.item()

    return step


def train(cell, hidden, batch, steps, layers, threads, count, device="cpu"):
    if device == "cuda" and not torch.cuda.is_available():
        return None
    torch.set_num_threads(threads)
    key = (cell, hidden, batch, steps, layers, device)
    if key not in made:
        made.clear()
        made[key] = train_step(*key)
    return median_time(made[key], count) * 1e3


def generate(cell, hidden, batch, layers, threads, count):
    torch.set_num_threads(threads)
    net, lin = KINDS[cell](V, hidden, layers), nn.Linear(hidden, V)
    state, tokens = None, torch.zeros((1, batch), dtype=torch.long)
    with torch.no_grad():
        def step(tokens, state):
            o, state = net(F.one_hot(tokens, V).float(), state)
            return lin(o.reshape(-1, hidden)).argmax(1).reshape(1, batch), state
        def steps():
            nonlocal tokens, state
            for _ in range(count):
                tokens, state = step(tokens, state)
                tokens.tolist()
        return median_time(steps, 1) / count / batch * 1e3


serve({"version": lambda: f"PyTorch {torch.__version__}", "train": train, "generate": generate})
