"""Times JAX, a lax.scan under jit: reads one JSON object per line, writes milliseconds, one number per line."""
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from timing import median_time, serve

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
V = 28
made = {}


def cell_step(cell, w, state, x):
    """One time step; x are the input's sums of all gates, [batch, gates × hidden]."""
    h, c = state
    u = h @ w["hh"] + w["bias"]
    if cell == "rnn":
        h = jnp.tanh(x + u)
    elif cell == "gru":
        (xr, xz, xn), (ur, uz, un) = jnp.split(x, 3, 1), jnp.split(u, 3, 1)
        r, z = jax.nn.sigmoid(xr + ur), jax.nn.sigmoid(xz + uz)
        h = (1 - z) * jnp.tanh(xn + r * un) + z * h
    else:
        i, f, g, o = jnp.split(x + u, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def forward(cell, weights, tokens, states):
    """The scores at all steps, of tokens [steps, batch], and the last states."""
    ends = []
    for i, (w, state) in enumerate(zip(weights["layers"], states)):
        # One-hot inputs choose rows.
        sums = w["ih"][tokens] if i == 0 else x @ w["ih"]
        end, x = lax.scan(partial(cell_step, cell, w), state, sums)
        ends.append(end)
    return x @ weights["out"] + weights["out_bias"], ends


def init(cell, hidden, layers):
    keys = iter(jax.random.split(jax.random.key(0), 4 * layers + 1))
    uniform = lambda *shape: jax.random.uniform(next(keys), shape, minval=-1, maxval=1) / hidden**0.5
    size = GATES[cell] * hidden
    layer = lambda i: {"ih": uniform(V if i == 0 else hidden, size), "hh": uniform(hidden, size), "bias": uniform(size)}
    return {"layers": [layer(i) for i in range(layers)], "out": uniform(hidden, V), "out_bias": jnp.zeros(V)}


def zeros(hidden, batch, layers):
    return [(jnp.zeros((batch, hidden)), jnp.zeros((batch, hidden))) for _ in range(layers)]


def train_step(cell, hidden, batch, steps, layers):
    weights, states = init(cell, hidden, layers), zeros(hidden, batch, layers)
    x, y = (jax.random.randint(jax.random.key(k), (steps, batch), 0, V) for k in (1, 2))

    def loss_of(weights):
        scores, _ = forward(cell, weights, x, states)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores), y[..., None], -1))

    @partial(jax.jit, donate_argnums=0)
    def update(weights):
        loss, grads = jax.value_and_grad(loss_of)(weights)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
        scale = jnp.minimum(1, 1 / norm)
        return jax.tree.map(lambda w, g: w - scale * g, weights, grads), loss

    def step():
        nonlocal weights
        weights, loss = update(weights)
        return float(loss)

    return step


def train(cell, hidden, batch, steps, layers, count):
    key = (cell, hidden, batch, steps, layers)
    if key not in made:
        made.clear()
        made[key] = train_step(*key)
        made[key]()
    return median_time(made[key], count) * 1e3


def generate(cell, hidden, batch, layers, count):
    weights, states, tokens = init(cell, hidden, layers), zeros(hidden, batch, layers), jnp.zeros((1, batch), int)

    @jax.jit
    def step(tokens, states):
        scores, states = forward(cell, weights, tokens, states)
        return jnp.argmax(scores, -1), states

    def steps():
        nonlocal tokens, states
        for _ in range(count):
            tokens, states = step(tokens, states)
            tokens.tolist()

    steps()
    return median_time(steps, 1) / count / batch * 1e3


serve({"version": lambda: f"JAX {jax.__version__}", "train": train, "generate": generate})
