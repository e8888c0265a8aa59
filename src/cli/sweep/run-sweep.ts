import path from 'node:path'
import { DataError, OptionError, type UnrolledError } from '../../config.js'
import {
  checkTrials,
  checkTrialsOn,
  ExplodedError,
  epochsUntil,
  FolderStore,
  importanceOf,
  loadModel,
  panelsPlot,
  promoted,
  ranking,
  readPlan,
  rungsOf,
  type SweepPlan,
  type SweepValue,
  type Trial,
  type TrialResult,
  trialLoss,
  trialsOf,
} from '../../node.js'
import { checkOut } from '../check-out.js'
import { interruptible } from '../interrupt.js'
import { print, printJson } from '../output.js'
import { readRun } from '../read-run.js'
import { outliveOutput } from '../streams.js'
import { percent, table } from '../table.js'
import { runTrial } from '../trial-process.js'
import { writeOut } from '../write-out.js'
import type { TrialMessage } from './messages.js'
import { Results } from './results.js'
import {
  describePlan,
  describeTrial,
  epochsCounted,
  inFileWords,
  ranked,
  SweepView,
  shownName,
  sweepTable,
  type TrialRow,
} from './sweep-view.js'
import { ofText, trialText } from './train-trial.js'

export interface SweepOptions {
  out?: string
  parallel: number
  json?: boolean
}

/**
 * Checks the trials before anything is written, so that a sweep whose text is missing or too short leaves no folder with its
 * settings. A refusal names options as the file does.
 */
async function checkAll(
  plan: SweepPlan,
  trials: readonly Trial[],
  file: string,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const source = trialText(texts)
  try {
    // Before the text is read, which may take long.
    checkTrials(plan, trials, file)
    const options = { ...ofText(texts), ...plan.options }
    await checkTrialsOn(source, { ...plan, options }, trials, file, signal)
  } catch (error) {
    if (error instanceof OptionError) error.message = inFileWords(error.message)
    throw error
  } finally {
    await source.close?.()
  }
}

/** The work of `sweep`: runs the trials of a plan, or those that are left, and shows what came out. */
export function runSweep(file: string, options: SweepOptions): Promise<void> {
  outliveOutput()
  const { parallel, out } = options
  if (!Number.isInteger(parallel) || parallel < 1) {
    throw new OptionError(`sweep: --parallel is ${parallel}, expected a whole number of 1 or more`)
  }
  return interruptible(async (signal) => {
    const plan = await readPlan(file)
    const trials = trialsOf(plan)
    const texts = plan.texts.map((name) => path.resolve(path.dirname(file), name))
    await checkAll(plan, trials, file, texts, signal)
    const folder = out ?? path.join('runs', path.parse(file).name)
    await checkOut('sweep', '--out', folder, 'folder')
    const lock = new FolderStore(folder)
    await lock.enter()
    try {
      const results = await Results.open(folder, plan)
      await new Sweep(plan, trials, texts, folder, results, options, signal).run()
    } finally {
      await lock.leave()
    }
  })
}

class Sweep {
  readonly #plan: SweepPlan
  readonly #texts: string[]
  readonly #folder: string
  readonly #results: Results
  readonly #options: SweepOptions
  readonly #signal: AbortSignal
  readonly #trials: Trial[]
  readonly #rungs: number[]
  readonly #rows: Map<number, TrialRow>
  readonly #say: (text: string) => void

  constructor(
    plan: SweepPlan,
    trials: Trial[],
    texts: string[],
    folder: string,
    results: Results,
    options: SweepOptions,
    signal: AbortSignal,
  ) {
    this.#plan = plan
    this.#texts = texts
    this.#folder = folder
    this.#results = results
    this.#options = options
    this.#signal = signal
    this.#trials = trials
    this.#rungs = rungsOf(plan)
    this.#rows = new Map(this.#trials.map((trial) => [trial.number, { trial, state: 'waiting', epochs: 0 }]))
    this.#say = (text) => (options.json ? process.stderr.write(`${text}\n`) : print(text))
  }

  async run(): Promise<void> {
    this.#say(`sweep: ${describePlan(this.#plan, this.#trials.length, this.#rungs)}`)
    const before = this.#results.all.length
    if (before > 0) this.#say(`continuing in ${this.#folder}, after ${before} results`)
    const view = new SweepView(() => [...this.#rows.values()], this.#rungs.at(-1)!)
    let contenders = this.#trials
    try {
      for (const rung of this.#rungs) {
        await this.#train(contenders, rung, view)
        if (this.#signal.aborted) break
        const results = this.#at(contenders, rung)
        const isLast = rung === this.#rungs.at(-1)
        const better = isLast ? contenders : promoted(contenders, results, this.#plan.halving!)
        for (const trial of contenders) {
          const row = this.#rows.get(trial.number)!
          if (row.state === 'compared')
            row.state = isLast ? 'done' : better.includes(trial) ? 'waiting' : 'stopped early'
        }
        contenders = better
      }
    } finally {
      view.end()
    }
    if (this.#signal.aborted) {
      this.#say(`stopped after ${this.#results.all.length} results; the same command goes on from there`)
      return
    }
    await this.#report(contenders)
  }

  /** Trains these trials until a rung, several at a time, except for those that were there already. */
  async #train(trials: readonly Trial[], rung: number, view: SweepView): Promise<void> {
    const left = trials.filter((trial) => {
      const result = this.#resultOf(trial, rung)
      if (result) this.#show(trial, result)
      return !result
    })
    const broken = new AbortController()
    const signal = AbortSignal.any([this.#signal, broken.signal])
    const errors: unknown[] = []
    const work = async () => {
      for (let trial = left.shift(); trial && !signal.aborted; trial = left.shift()) {
        try {
          const result = await this.#trainOne(trial, rung, signal)
          if (!result) continue
          await this.#results.add(result)
          this.#show(trial, result)
          view.result(this.#rows.get(trial.number)!)
          if (this.#options.json) printJson({ type: 'trial', ...result, options: trial.options })
        } catch (error) {
          errors.push(error)
          broken.abort()
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.parallel, left.length) }, work))
    if (errors.length > 0) throw errors[0]
  }

  /** @returns undefined if the training was stopped */
  async #trainOne(trial: Trial, rung: number, signal: AbortSignal): Promise<TrialResult | undefined> {
    const { options } = this.#plan
    const row = this.#rows.get(trial.number)!
    const epochs = epochsUntil(rung, trial.options)
    row.state = 'training'
    const task = {
      folder: this.#folderOf(trial),
      texts: this.#texts,
      options: { threads: 1, ...options, ...trial.options },
      epochs,
    }
    const last = await runTrial(task, (epoch) => (row.epochs = epoch), signal)
    if (last.type === 'stopped') return undefined
    if (last.type === 'failed') throw failure(trial, last)
    return { trial: trial.number, epochs: rung, ...(await this.#reached(trial, epochs, last.type === 'diverged')) }
  }

  /** The lowest loss of the held-out text until an epoch, as the history of the training has it. */
  async #reached(trial: Trial, epochs: number, diverged: boolean): Promise<Pick<TrialResult, 'loss' | 'seconds'>> {
    const folder = this.#folderOf(trial)
    if (diverged) return { seconds: 0 }
    const { events } = await readRun(folder)
    const until = events.filter(({ epoch }) => epoch <= epochs)
    const losses = until.flatMap((event) => (event.type === 'validation' ? event.loss : []))
    if (losses.length === 0) {
      throw new DataError(
        `trial ${trial.number} (${describeTrial(trial)}): it was not validated within ${epochs} epochs; give a smaller validate-every, or leave it out`,
      )
    }
    const { config } = await loadModel(folder)
    const loss = trialLoss(losses, config.vocabSize)
    return { loss, seconds: loss === undefined ? 0 : (until.at(-1)?.seconds ?? 0) }
  }

  #show(trial: Trial, result: TrialResult): void {
    const state = result.loss === undefined ? 'exploded' : 'compared'
    const epochs = epochsUntil(result.epochs, trial.options)
    this.#rows.set(trial.number, { trial, state, epochs, result })
  }

  #resultOf = ({ number }: Trial, rung: number): TrialResult | undefined =>
    this.#results.all.find(({ trial, epochs }) => trial === number && epochs === rung)

  #at = (trials: readonly Trial[], rung: number): TrialResult[] =>
    trials.flatMap((trial) => this.#resultOf(trial, rung) ?? [])

  #folderOf = ({ number }: Trial): string =>
    path.join(this.#folder, String(number).padStart(String(this.#trials.length).length, '0'))

  async #report(finalists: readonly Trial[]): Promise<void> {
    const [best] = ranking(this.#at(finalists, this.#rungs.at(-1)!))
    const first = this.#at(this.#trials, this.#rungs[0])
    const losses = first.map(({ loss }) => loss ?? Infinity)
    const importances = Object.keys(this.#plan.vary)
      .map((name) => ({ name, share: importanceOf(this.#trials, losses, name) }))
      .toSorted((a, b) => (b.share ?? -1) - (a.share ?? -1))
    if (best?.loss === undefined)
      throw new ExplodedError('sweep: every training exploded; lower lr, or give a smaller clip')
    const plot = await this.#plot(importances, losses)
    const trial = this.#trials.find(({ number }) => number === best.trial)!
    if (this.#options.json) {
      const importance = Object.fromEntries(importances.map(({ name, share }) => [name, share]))
      printJson({
        type: 'done',
        best: { ...best, options: trial.options, model: this.#folderOf(trial) },
        importance,
        plot,
      })
      return
    }
    print(sweepTable(ranked([...this.#rows.values()]), this.#rungs.at(-1)!))
    print(`\nHow much of the order after ${epochsCounted(this.#rungs[0])} each option explains by itself:`)
    const told = (share?: number) => (share === undefined ? 'too few trials to say' : wholePercent(share))
    print(table(importances.map(({ name, share }) => [shownName(name), told(share)])))
    print(`\nbest: trial ${trial.number} (${describeTrial(trial)}), perplexity ${Math.exp(best.loss).toFixed(2)}`)
    print(`its model is in ${this.#folderOf(trial)}, the plot in ${plot}`)
  }

  /** A panel for each option, the most important first. @returns the plot's file */
  async #plot(importances: readonly { name: string; share?: number }[], y: readonly number[]): Promise<string> {
    const file = path.join(this.#folder, 'sweep.svg')
    const reached = this.#trials.map((trial) => this.#rows.get(trial.number)!.result?.epochs ?? 0)
    const groupOf = (rung: number) => `trained for ${epochsCounted(rung)}`
    const svg = await panelsPlot({
      title: `After ${epochsCounted(this.#rungs[0])}`,
      yLabel: 'loss of the held-out text, in nats per token; lines join medians',
      panels: importances.map(({ name, share }) => {
        const values = this.#plan.vary[name]
        const isLog = !Array.isArray(values) && values.scale === 'log'
        const explained = share === undefined ? '' : ` explains ${wholePercent(share)}`
        const title = `${shownName(name)}${explained}`
        const x = this.#trials.map(({ options }) => options[name])
        if (x.every((value) => typeof value === 'number')) return { title, x, log: isLog }
        return { title, x: x.map(String), words: (values as SweepValue[]).map(String) }
      }),
      y,
      groups: reached.map(groupOf),
      groupNames: this.#rungs.map(groupOf),
    })
    await writeOut(file, svg)
    return file
  }
}

/** A share without decimals, which a few trials cannot tell. */
const wholePercent = (share: number): string => percent(Number(share.toFixed(2)))

/** The error of a trial, with the options that it had. */
function failure(trial: Trial, { message }: TrialMessage & { type: 'failed' }): UnrolledError {
  const what = message.replace(/^(startRun|resumeRun): /, '')
  return new DataError(`trial ${trial.number} (${describeTrial(trial)}): ${inFileWords(what)}`)
}
