"""How well a model predicts a text that it is not trained on."""

import torch
import torch.distributed as dist
from torch.nn import functional as F

from data import cut
from model import joined, parts_of


@torch.no_grad()
def mean_loss(model, tokens, batch_size, steps):
    """The text is cut into as many rows as a batch has; all processes call this, and share the rows."""
    rank, world, device = dist.get_rank(), dist.get_world_size(), next(model.parameters()).device
    labels = len(tokens) - 1
    rows = min(batch_size, labels)
    width = labels // rows
    mine = [row * width for row in range(rows * rank // world, rows * (rank + 1) // world)]
    total = torch.zeros((), device=device)

    def read(starts, length, state):
        for at in range(0, length, steps):
            x, y = cut(tokens, [start + at for start in starts], min(steps, length - at))
            scores, state = model(x.to(device), state)
            total.add_(F.cross_entropy(scores, y.T.flatten().to(device), reduction='sum'))
        return state

    model.eval()
    state = read(mine, width, None) if mine else None
    if rank == world - 1:  # what is left over continues the last row
        state = joined([part[:, -1:].contiguous() for part in parts_of(state)])
        read([rows * width], labels - rows * width, state)
    dist.all_reduce(total)
    return total.item() / labels
