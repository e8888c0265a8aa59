"""Goes on with a training that Unrolled began, on any number of processes and machines:

    torchrun --nproc_per_node=2 train.py           two processes on this machine
    torchrun --nproc_per_node=2 train.py --help    what can be changed

The processes share each batch. The first one writes the checkpoint, which this program, `unrolled train --resume` and
`loadModel` read.
"""

import argparse
import contextlib
import math
import os
import signal
import sys

import torch
import torch.distributed as dist
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from data import Epoch, Generator
from evaluate import mean_loss
from model import RNNModel, joined, parts_of
from optimizer import Optimizer
from run import Run


def main():
    parser = argparse.ArgumentParser(description='Goes on with a training that Unrolled began.')
    parser.add_argument('--epochs', type=int, help='epochs of the whole training')
    parser.add_argument('--steps', type=int, default=math.inf, help='stop after this many more steps')
    parser.add_argument('--lr', type=float, help='another learning rate')
    parser.add_argument('--batch-size', type=int, help='sequences in a batch of all processes; begins the epoch again')
    parser.add_argument('--log-seconds', type=float, default=1, help='seconds between two steps in history.jsonl')
    parser.add_argument('--tf32', action='store_true', help='faster and less exact products on GPUs')
    args = parser.parse_args()
    if 'RANK' not in os.environ:
        sys.exit('train.py: start it with torchrun --nproc_per_node=N train.py')
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.tf32
    device = torch.device('cpu')
    if torch.cuda.is_available():
        device = torch.device('cuda', int(os.environ['LOCAL_RANK']))
        torch.cuda.set_device(device)
    dist.init_process_group('gloo' if device.type == 'cpu' else 'nccl')
    try:
        run = Run({'epochs': args.epochs, 'lr': args.lr, 'batchSize': args.batch_size}, args.log_seconds)
        Training(run, device).go_on(args.steps)
    finally:
        dist.destroy_process_group()


class Training:
    def __init__(self, run, device):
        self.run, self.device = run, device
        share = run.options['batchSize'] // run.world
        self.rows = range(run.rank * share, (run.rank + 1) * share)
        self.sequential = run.options['sampling'] == 'sequential'
        self.model = RNNModel(run.config).to(device)
        own = dict(self.model.named_parameters())
        self.parameters = {key: own[key[len('model.') :]] for key in run.tensors if key.startswith('model.')}
        with torch.no_grad():
            for key, parameter in self.parameters.items():
                parameter.copy_(run.tensors[key])
        self.optimizer = Optimizer(list(self.parameters.values()), run.options, run.at, run.tensors, run.total)
        self.parallel = DistributedDataParallel(self.model, device_ids=None if device.type == 'cpu' else [device.index])
        # The state that the last batch ended with: that of this process's sequences.
        self.state = None
        if run.at['batch'] > 0 and self.sequential:
            saved = [run.tensors[key] for key in ('state.h', 'state.c') if key in run.tensors]
            first, count = self.rows[0], len(self.rows)
            self.state = joined([part.narrow(1, first, count).contiguous().to(device) for part in saved])
        # Each process drops other values, and others than before.
        torch.manual_seed(run.options['seed'] + run.at['step'] * run.world + run.rank)
        self.interrupted = self.ended = False
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self.interrupt)

    def interrupt(self, *_):
        self.interrupted = True

    def go_on(self, most_steps):
        run, at, epoch = self.run, self.run.at, None
        last = at['step'] + most_steps
        while True:
            if run.validation_is_due():
                self.validate()
            if self.ended or run.is_over() or at['step'] >= last:
                break
            if epoch is None:
                generator = Generator(at['data'])
                epoch = Epoch(run.text, run.options, generator)
                run.start_clock()
            if at['batch'] < epoch.count:
                self.step(epoch)
            else:
                run.log('epoch', loss=at['lossSum'] / at['tokens'], lr=self.optimizer.lr)
                at.update(epoch=at['epoch'] + 1, batch=0, lossSum=0, tokens=0, data=generator.state)
                epoch = self.state = None
        if at['step'] > run.saved:
            self.save()

    def step(self, epoch):
        """One step of the optimizer, on the gradients of `accumulate` batches."""
        run, at, loss = self.run, self.run.at, torch.zeros((), device=self.device)
        count = min(run.options['accumulate'], epoch.count - at['batch'])
        self.model.train()
        self.optimizer.zero_grad()
        for i in range(count):
            x, y = epoch.batch(at['batch'] + i, self.rows)
            # The gradients of all processes are averaged once, with those of the last batch.
            with self.parallel.no_sync() if i < count - 1 else contextlib.nullcontext():
                scores, state = self.parallel(x.to(self.device), self.state)
                part = F.cross_entropy(scores, y.T.flatten().to(self.device)) / count
                part.backward()
            loss += part.detach()
            self.state = joined([part.detach() for part in parts_of(state)]) if self.sequential else None
        norm = self.optimizer.clip()
        # One message: the mean loss, whether a process was told to stop, and whether the first wants a checkpoint.
        told = [loss.new_tensor(float(value)) for value in (self.interrupted, run.wants_to_save())]
        message = torch.stack([loss / run.world, *told])
        dist.all_reduce(message)
        loss, ended, save = message.tolist()
        norm, lr = norm.item(), self.optimizer.lr
        # A model that gives all tokens the same probability has ln(vocabSize); none that learns comes near twice that.
        if not loss <= 2 * math.log(run.config['vocabSize']) + 1 or not math.isfinite(norm):
            sys.exit(
                f'train.py: the training exploded at step {at["step"] + 1}: the loss is {loss:.4g}, the norm of the '
                f'gradients {norm:.4g}; go on from the checkpoint of step {run.saved} with a smaller --lr than {lr:.4g}'
            )
        self.optimizer.step()
        tokens = count * run.options['batchSize'] * run.options['numSteps']
        at.update(step=at['step'] + 1, batch=at['batch'] + count, tokens=at['tokens'] + tokens, gradNorm=norm)
        at['lossSum'] += loss * tokens
        run.log('step', batch=at['batch'], loss=loss, lr=lr)
        self.ended = ended > 0
        if save > 0:
            self.save()

    def validate(self):
        run, at = self.run, self.run.at
        loss = mean_loss(self.model, run.held_out, run.options['batchSize'], run.options['numSteps'])
        if not math.isfinite(loss):
            sys.exit(f'train.py: the held-out loss is {loss}; go on from the checkpoint with a smaller --lr')
        best = 'best' not in at or loss < at['best']['loss']
        if best:
            at['best'] = {'loss': loss, 'step': at['step'], 'since': 0}
            run.save_best(self.parameters)
        else:
            at['best']['since'] += 1
        at['validated'] = at['step']
        self.optimizer.validated(loss)
        run.log('validation', loss=loss, best=best)

    def save(self):
        """Writes a checkpoint. All processes call this, because each carries the state of its own sequences."""
        tensors = {**self.parameters, **self.optimizer.tensors()}
        for name, part in zip('hc', parts_of(self.state)):
            shares = [torch.empty_like(part) for _ in range(self.run.world)]
            dist.all_gather(shares, part)
            tensors[f'state.{name}'] = torch.cat(shares, 1)
        self.run.save(tensors)


if __name__ == '__main__':
    main()
