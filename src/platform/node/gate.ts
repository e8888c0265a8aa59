/**
 * Terminating a worker while it loads koffi aborts the whole process. Workers therefore load it inside a gate, and
 * before workers are terminated the gate is closed, which waits until no worker is inside. A gate is one shared
 * integer: the number of workers inside, plus `CLOSED`.
 */
export type Gate = Int32Array

const CLOSED = 2 ** 30

export const newGate = (): Gate => new Int32Array(new SharedArrayBuffer(4))

/** Runs `load` inside the gate. Returns undefined if the gate is closed. */
export function loadInside<T>(gate: Gate, load: () => T): T | undefined {
  try {
    return Atomics.add(gate, 0, 1) < CLOSED ? load() : undefined
  } finally {
    Atomics.sub(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
}

/**
 * Closes the gate, and blocks until all workers have left it. There is no time limit: loading always ends, by success
 * or failure, but may take any time on a busy machine.
 */
export function closeGate(gate: Gate): void {
  Atomics.or(gate, 0, CLOSED)
  for (let now = Atomics.load(gate, 0); now !== CLOSED; now = Atomics.load(gate, 0)) Atomics.wait(gate, 0, now)
}
