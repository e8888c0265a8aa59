import { Presets, SingleBar } from 'cli-progress'
import { movesCursor } from './output.js'

/** Milliseconds between two lines if there is no terminal; shorter work prints nothing. */
const INTERVAL = 20_000

/** Progress of work whose length is known: a bar on a terminal, and elsewhere a line now and then. */
export class ProgressBar {
  readonly #bar: SingleBar | undefined
  #told = performance.now()

  constructor(
    private readonly label: string,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {
    if (!movesCursor(stream)) return
    const format = `${label} {bar} {percentage} %`
    const options = {
      format,
      stream,
      hideCursor: true,
      fps: 10,
      barsize: 18,
      gracefulExit: false,
      clearOnComplete: true,
    }
    this.#bar = new SingleBar(options, Presets.shades_classic)
    this.#bar.start(1, 0)
  }

  /** @param done part of the work, from 0 to 1 */
  update(done: number): void {
    this.#bar?.update(done)
    if (this.#bar || performance.now() - this.#told < INTERVAL) return
    this.#told = performance.now()
    this.stream.write(`${this.label} ${Math.floor(100 * done)} %\n`)
  }

  end(): void {
    this.#bar?.stop()
  }
}

/** Shows a bar during work, and removes it when the work ends or fails. */
export async function withProgress<T>(label: string, work: (update: (done: number) => void) => Promise<T>): Promise<T> {
  const bar = new ProgressBar(label)
  try {
    return await work((done) => bar.update(done))
  } finally {
    bar.end()
  }
}
