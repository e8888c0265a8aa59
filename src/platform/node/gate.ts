/**
 * Ending a worker while it loads koffi aborts the whole process. So workers go through a gate to load it, and whoever
 * ends them closes the gate first and waits until nobody is inside. A gate is one shared integer: how many are inside,
 * plus `CLOSED`.
 */
export type Gate = Int32Array

const CLOSED = 2 ** 30

export const newGate = (): Gate => new Int32Array(new SharedArrayBuffer(4))

/** Runs `load` inside the gate. Returns undefined where the gate is closed. */
export function loadInside<T>(gate: Gate, load: () => T): T | undefined {
  try {
    return Atomics.add(gate, 0, 1) < CLOSED ? load() : undefined
  } finally {
    Atomics.sub(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
}

/**
 * Closes the gate, and blocks until all who are inside have come out. There is no time limit: loading ends by success or
 * failure, and a busy machine may take any time for it.
 */
export function closeGate(gate: Gate): void {
  Atomics.or(gate, 0, CLOSED)
  for (let now = Atomics.load(gate, 0); now !== CLOSED; now = Atomics.load(gate, 0)) Atomics.wait(gate, 0, now)
}
