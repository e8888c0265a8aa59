import type { RunEvent } from '../src/run/run-events.js'

/** Iterates over a run's events, up to one of them, and releases the store. */
export async function play(
  run: { events(): AsyncIterable<RunEvent>; close(): Promise<void> },
  until: (event: RunEvent) => boolean = () => false,
): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  try {
    for await (const event of run.events()) {
      events.push(event)
      if (until(event)) break
    }
  } finally {
    await run.close()
  }
  return events
}
