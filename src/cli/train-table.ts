import path from 'node:path'
import { OptionError } from '../config.js'
import { type DoneEvent, FolderStore, type RunEvent, runToEnd, type TrainEvent } from '../node.js'
import { freshFolder } from './begin.js'
import { type BegunTable, beginnings } from './begun-table.js'
import { endable, interruptible } from './interrupt.js'
import { movesCursor, print, printJson, visible } from './output.js'
import { adviceOf, earlyEnd, inCommands, inFlags } from './run-training.js'
import { outliveOutput } from './streams.js'
import { runOptionsIn, type TableFlags, type TableName } from './table-flags.js'
import { flagOf } from './training-flags.js'
import { type TrainView, trainView } from './view.js'

/** The work of `train` for a CSV file: trains, saves the model, and measures it on what was held out. */
export function trainOnTable(
  name: TableName,
  files: string[],
  options: TableFlags,
  said: readonly string[],
): Promise<void> {
  outliveOutput()
  return interruptible(async (signal) => {
    const setup = { signal, build: endable }
    const { start, resume } = beginnings[name]
    const { resume: resumed } = options
    const given = runOptionsIn(name, options, said)
    checkFiles(files, resumed, said, given)
    let begun: BegunTable
    if (resumed === undefined) {
      const [file] = files
      const folder = options.out ?? freshFolder(file === '-' ? 'stdin' : path.parse(file).name)
      begun = await start(new FolderStore(folder), file, { options, said }, setup)
    } else {
      begun = await resume(new FolderStore(resumed), files[0], given, setup)
    }
    const folder = begun.run.store.name
    await runToEnd(
      begun.run,
      () => new Show(begun, options.json === true).all(),
      async (changed) => {
        begun = await resume(new FolderStore(folder), files[0], changed, setup)
        return begun.run
      },
      ({ message }) => console.error(visible(`warning: ${message}`)),
    )
  })
}

function checkFiles(
  files: readonly string[],
  resumed: string | undefined,
  said: readonly string[],
  given: object,
): void {
  if (files.length > 1 || (files.length === 0 && resumed === undefined)) {
    throw new OptionError(`train: ${files.length} files are given to train on, expected one CSV file`)
  }
  const fixed = said.find((name) => name !== 'resume' && name !== 'json' && !(name in given))
  if (resumed === undefined || fixed === undefined) return
  throw new OptionError(
    `train: ${flagOf(fixed)} cannot be changed when a training is resumed; leave it out, or begin another with --init-from`,
  )
}

/** Shows the progress and the result of a training on a table. */
class Show {
  readonly #begun: BegunTable
  readonly #json: boolean
  /** Only where the cursor can be moved; elsewhere a line is printed for every tenth of the training. */
  readonly #live: TrainView | undefined
  #loss: number | undefined

  constructor(begun: BegunTable, json: boolean) {
    this.#begun = begun
    this.#json = json
    const { run, batches, lines } = begun
    for (const warning of run.warnings) this.#warn(inFlags(warning))
    for (const line of [...lines, ...run.notes.map(inFlags)]) this.#say(line)
    const done = { epoch: run.training.epoch - 1, batch: run.training.batch }
    this.#live = movesCursor(process.stderr)
      ? trainView(batches, run.options.epochs, process.stderr, done, 'loss')
      : undefined
  }

  async all(): Promise<void> {
    try {
      for await (const event of this.#begun.run.events()) await this.#event(event)
    } catch (error) {
      throw inCommands(error)
    } finally {
      this.#live?.end()
    }
  }

  #say(line: string): void {
    if (this.#json) console.error(visible(line))
    else print(line)
  }

  #warn(message: string): void {
    console.error(visible(`warning: ${message}`))
  }

  async #event(event: RunEvent): Promise<void> {
    switch (event.type) {
      case 'warning':
        return this.#warn(event.message)
      case 'trained':
        return this.#live?.end()
      case 'broken':
        return this.#say(adviceOf(event, this.#begun.run.store.name))
      case 'done':
        return this.#done(event)
      case 'sample':
        return
    }
    if (event.type === 'epoch') this.#loss = event.loss
    if (this.#live) this.#live[event.type](event as never)
    else this.#line(event)
    // e^loss is a perplexity of texts alone.
    if (this.#json && event.type !== 'step') printJson({ ...event, perplexity: undefined })
  }

  #line(event: TrainEvent): void {
    const { epochs, validation, validateEvery } = this.#begun.run.options
    if (event.type === 'step' || event.epoch % Math.ceil(epochs / 10) !== 0) return
    // The validation of an epoch follows it, and its line has both losses.
    const together = validation > 0 && validateEvery === undefined
    if (event.type === 'epoch' ? together : !together) return
    const held = event.type === 'validation' ? `, held-out ${event.loss.toFixed(4)}` : ''
    this.#say(`epoch ${event.epoch} of ${epochs}: loss ${this.#loss?.toFixed(4)}${held}`)
  }

  async #done(event: DoneEvent): Promise<void> {
    const { steps, epochs, seconds, saved, ended, best } = event
    const { run, measure } = this.#begun
    const { name } = run.store
    const early = earlyEnd(event, run.options)
    if (early) this.#say(early)
    if (best) {
      this.#say(`held-out loss ${best.loss.toFixed(4)} at step ${best.step}${saved ? ', whose model is kept' : ''}`)
    }
    const measured = saved && ended !== 'signal' ? await measure() : undefined
    if (measured && !this.#json) measured.show()
    if (saved) this.#say(`saved to ${name} after ${seconds.toFixed(1)} s`)
    if (!this.#json) return
    const reached = { steps, epochs, loss: this.#loss, seconds, model: saved ? name : undefined }
    const how = { exploded: !saved, stopped: ended === 'signal', ended, best, kernels: run.device.name }
    printJson({ type: 'done', ...reached, ...how, evaluation: measured?.evaluation })
  }
}
