"""The record of a training, in the files that Unrolled reads: checkpoint, best model and history."""

import json
import math
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

import checkpoint
from data import read_tokens

HERE = Path(__file__).resolve().parent


class Run:
    """
    config: the model; options: those of `unrolled train`; at: the progress; tensors: those of the checkpoint
    text, held_out: the tokens to train on, and to validate on if there are any; total: the steps of the whole training
    """

    def __init__(self, given, log_seconds):
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        # All go on from the checkpoint of the first process, whatever the folders of other machines hold.
        box = [checkpoint.read(HERE / 'checkpoint.safetensors') if self.rank == 0 else None]
        dist.broadcast_object_list(box)
        self.tensors, self.metadata = box[0]
        self.config, self.record, self.at = (json.loads(self.metadata[key]) for key in ('config', 'run', 'progress'))
        changed = self.change_options({name: value for name, value in given.items() if value is not None})
        self.options = {key: math.inf if value == 'all' else value for key, value in self.record['options'].items()}
        size = self.config['vocabSize']
        self.text = read_tokens(HERE / 'train.bin', size)
        self.held_out = read_tokens(HERE / 'validation.bin', size) if self.options['validation'] > 0 else None
        self.total = self.steps()
        self.saved, self.saved_at, self.logged_at = self.at['step'], time.monotonic(), -math.inf
        self.log_seconds = log_seconds
        if self.rank == 0:
            self.open_history()
            if changed:
                self.log('resume', options=changed)

    def change_options(self, given):
        """Takes options of the command line into the record. Returns those that differ from it."""
        at, before = self.at, self.record['options']
        changed = {name: value for name, value in given.items() if value != before.get(name)}
        if 'lr' in given:
            for values in (at['optimizer'], at['schedule']):
                values.update({name: given['lr'] for name in values if name in ('lr.0', 'base_lr.0')})
        if 'batchSize' in changed:
            at.update(batch=0, tokens=0, lossSum=0, validated=at['step'])
        before.update(changed)
        return changed

    def steps(self):
        """The steps of the whole training, if its sizes are possible."""
        options, tokens = self.options, len(self.text)
        size, length, warmup = options['batchSize'], options['numSteps'], options['warmup']
        if size <= 0 or size % self.world:
            sys.exit(f'train.py: a batch has {size} sequences, expected a multiple of the {self.world} processes')
        if tokens < size * length + length + (options['sampling'] == 'sequential'):
            sys.exit(f'train.py: the text has {tokens} tokens, too few for one batch of {size} x {length}')
        total = options['epochs'] * math.ceil((tokens - 1) // size // length / options['accumulate'])
        if options['schedule'] == 'cosine' and total <= warmup:
            sys.exit(f'train.py: the training has {total} steps, expected more than the {warmup} of its warm-up')
        return total

    def is_over(self):
        impatient = self.at.get('best', {}).get('since', 0) >= self.options['patience']
        return impatient or self.at['epoch'] > self.options['epochs']

    def validation_is_due(self):
        at, every = self.at, self.options.get('validateEvery')
        if self.held_out is None or at['validated'] == at['step']:
            return False
        return at['epoch'] > self.options['epochs'] or (at['batch'] == 0 if every is None else at['step'] % every == 0)

    def wants_to_save(self):
        """Whether a checkpoint is due after the step in hand, by the clock of the first process."""
        steps, minutes = self.at['step'] + 1 - self.saved, (time.monotonic() - self.saved_at) / 60
        due = steps >= self.options['checkpointSteps'] or minutes >= self.options['checkpointMinutes']
        return self.rank == 0 and due

    def save(self, tensors):
        self.saved, self.saved_at = self.at['step'], time.monotonic()
        if self.rank == 0:
            self.record['historyBytes'] = self.history.tell()
        self.write('checkpoint.safetensors', tensors, progress=self.at, run=self.record)

    def save_best(self, tensors):
        self.write('best.safetensors', tensors)

    def write(self, name, tensors, **parts):
        if self.rank > 0:
            return
        if not all(tensor.isfinite().all() for key, tensor in tensors.items() if key.startswith('model.')):
            step = self.at['step']
            sys.exit(f'train.py: the model of step {step} is not finite; go on from the checkpoint with a smaller --lr')
        trained = self.config['training']
        trained.update(self.record['options'], steps=self.at['step'], kernels=f'PyTorch {torch.__version__}')
        if 'best' in self.at:
            trained.update(validationLoss=self.at['best']['loss'], bestStep=self.at['best']['step'])
        parts['config'] = self.config
        metadata = {key: self.metadata[key] for key in ('format', 'vocab')}
        metadata.update({key: json.dumps(part) for key, part in parts.items()})
        checkpoint.write(HERE / name, tensors, metadata)

    def open_history(self):
        """Goes on where the history was when the checkpoint was written."""
        self.history = open(HERE / 'history.jsonl', 'a+b', buffering=0)
        self.history.truncate(min(self.history.tell(), self.record['historyBytes']))
        self.history.seek(0)
        lines = self.history.read().splitlines()
        self.begun = time.monotonic() - (json.loads(lines[-1])['seconds'] if lines else 0)

    def start_clock(self):
        """Begins to measure the speed, at the beginning of an epoch or in its middle."""
        self.clock = time.monotonic(), self.at['tokens']

    def log(self, kind, **numbers):
        """Adds an event to the history; prints epochs and validations."""
        now = time.monotonic()
        if self.rank > 0 or (kind == 'step' and now - self.logged_at < self.log_seconds):
            return
        # After the last step of an epoch, the current epoch is already the next one.
        epoch = self.at['epoch'] - (kind == 'validation' and self.at['batch'] == 0)
        event = {'type': kind, 'epoch': epoch, 'step': self.at['step'], **numbers}
        if kind in ('step', 'epoch'):
            start, before = self.clock
            speed = (self.at['tokens'] - before) / max(now - start, 1e-9)
            event.update(epochs=self.options['epochs'], gradNorm=self.at['gradNorm'], tokensPerSecond=speed)
        if kind == 'step':
            self.logged_at = now
        if kind in ('epoch', 'validation'):
            event['perplexity'] = math.exp(event['loss'])
            if kind == 'epoch':
                self.config['training'].update(finishedEpochs=epoch, perplexity=event['perplexity'])
            of = ' of the held-out text' if kind == 'validation' else ''
            print(f'epoch {epoch}, step {event["step"]}: perplexity{of} {event["perplexity"]:.2f}', flush=True)
        self.history.write(json.dumps({**event, 'seconds': round(now - self.begun, 3)}).encode() + b'\n')
