"""The optimizer and its schedule, going on from the state that Unrolled keeps of them."""

import math

import torch

OPTIMIZERS = {
    'sgd': torch.optim.SGD,
    'rmsprop': torch.optim.RMSprop,
    'adam': torch.optim.Adam,
    'adamw': torch.optim.AdamW,
}


class Optimizer:
    """
    parameters: in Unrolled's order, by which it numbers the optimizer's state
    progress: Unrolled's record of the training, whose `optimizer` and `schedule` this changes with each step
    tensors: those of a checkpoint
    total: steps of the whole training, for the cosine
    """

    def __init__(self, parameters, options, progress, tensors, total):
        self.parameters, self.options, self.total = parameters, options, total
        self.values, self.schedule = progress['optimizer'], progress['schedule']
        name = options['optimizer']
        more = {'weight_decay': options.get('weightDecay', 0.01 if name == 'adamw' else 0)}
        if name in ('sgd', 'rmsprop'):
            more['momentum'] = options['momentum']
        if name == 'sgd':
            more['nesterov'] = options.get('nesterov', False)
        self.optimizer = OPTIMIZERS[name](parameters, lr=self.lr, **more)
        state = self.optimizer.state
        for key, tensor in tensors.items():
            part, name, i = (key.split('.') + [''])[:3]
            # Before its first step, PyTorch makes a state of its own.
            if part == 'optimizer' and self.values[f'step.{i}'] > 0:
                parameter = parameters[int(i)]
                state[parameter][name] = tensor.to(parameter.device)
                state[parameter]['step'] = torch.tensor(float(self.values[f'step.{i}']))
        # With other epochs or another rate than before, the schedule has another rate at once.
        self.follow_schedule()

    @property
    def lr(self):
        return self.values['lr.0']

    def set_lr(self, lr):
        self.values['lr.0'] = self.optimizer.param_groups[0]['lr'] = lr

    def zero_grad(self):
        self.optimizer.zero_grad(set_to_none=True)

    def clip(self):
        """Limits the gradients. Returns their norm, which the limit of the norm is compared with."""
        grads = [parameter.grad for parameter in self.parameters]
        if self.options['clipValue'] < math.inf:
            torch.nn.utils.clip_grad_value_(self.parameters, self.options['clipValue'])
        norm = torch.stack([grad.norm() for grad in grads]).norm()
        if self.options['clip'] < math.inf:
            for grad in grads:
                grad.mul_((self.options['clip'] / norm).clamp(max=1))
        return norm

    def step(self):
        self.optimizer.step()
        for i in range(len(self.parameters)):
            self.values[f'step.{i}'] += 1
        if 'step' in self.schedule:
            self.schedule['step'] += 1
        self.follow_schedule()

    def follow_schedule(self):
        if self.options['schedule'] in ('step', 'cosine'):
            self.set_lr(self.scheduled(self.schedule['base_lr.0'], self.schedule['step']))

    def scheduled(self, base, step):
        """The learning rate after a number of steps: a factor every so many, or a warm-up and half a cosine."""
        options = self.options
        if options['schedule'] == 'step':
            return base * options['decay'] ** (step // options['decayEvery'])
        warmup, least = options['warmup'], options['minLr']
        if step < warmup:
            return base * (step + 1) / (warmup + 1)
        part = min(1, (step - warmup) / (self.total - warmup))
        return least + (base - least) * (1 + math.cos(math.pi * part)) / 2

    def validated(self, loss):
        """Under `plateau`, the learning rate falls when the held-out loss does not: PyTorch's ReduceLROnPlateau."""
        if self.options['schedule'] != 'plateau':
            return
        if loss < self.schedule['best'] * (1 - 1e-4):
            self.schedule.update(best=loss, num_bad_epochs=0)
            return
        self.schedule['num_bad_epochs'] += 1
        if self.schedule['num_bad_epochs'] > self.options['plateauPatience']:
            reduced = max(self.lr * self.options['decay'], self.options['minLr'])
            self.set_lr(reduced if self.lr - reduced > 1e-8 else self.lr)
            self.schedule.update({'num_bad_epochs': 0, 'lr.0': self.lr})

    def tensors(self):
        """The state as a checkpoint has it."""
        return {
            f'optimizer.{name}.{i}': buffer
            for i, parameter in enumerate(self.parameters)
            for name, buffer in self.optimizer.state[parameter].items()
            if name != 'step' and buffer is not None
        }
