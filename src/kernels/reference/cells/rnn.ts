import type { Equations } from './equations.js'

/** h = f(a + u), with the derivative of f as a function of h. */
const rnn = (f: (sum: number) => number, derivative: (h: number, dh: number) => number): Equations => ({
  forward([a], [u]) {
    return { gates: [], h: f(a + u), c: 0 }
  },
  backward({ h }, _before, dh) {
    const d = [derivative(h, dh)]
    return { input: d, hidden: d, h: 0, c: 0 }
  },
})

export const rnnTanh = rnn(Math.tanh, (h, dh) => dh * (1 - h * h))

export const rnnRelu = rnn(
  (sum) => Math.max(sum, 0),
  (h, dh) => (h > 0 ? dh : 0),
)
