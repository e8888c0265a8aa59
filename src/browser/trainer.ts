import { checkString, checkWhole } from '../core/check.js'
import { checkOptions } from '../core/check-options.js'
import type { ModelFile } from '../formats/read-model.js'
import { decodeModel, encodeModel, type LoadedModel } from '../formats/saved-model.js'
import type { RunOptions } from '../run/run-options.js'
import type { TrainerFacts } from './messages.js'
import { RunTrainer, type RunTrainerSetup, setupOptions } from './run-trainer.js'

/** What a trainer begins with, and how its worker is made. */
export interface TrainerSetup extends RunTrainerSetup {
  /** A saved model to begin with: `Trainer.start` trains it further. */
  model?: LoadedModel
  /** The name of the text, for people and for the record. Default 'a text in memory', or the name that the run recorded. */
  textName?: string
}

/** The sampling options that are plain data, and so can be sent to a worker. */
export interface TrainerPredictOptions {
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  stop?: string | readonly string[]
}

const predictOptions = { temperature: 'any', topK: 'any', topP: 'any', minP: 'any', stop: 'any' } as const

/** A run on a text in a worker; `RunTrainer` says what that is. */
export class Trainer extends RunTrainer<TrainerFacts> {
  /**
   * Begins a training. See `startRun`, whose errors this throws, too.
   * @param name of the run
   * @param text to be trained on
   */
  static async start(
    name: string,
    text: string,
    options: Partial<RunOptions> = {},
    setup: TrainerSetup = {},
  ): Promise<Trainer> {
    const where = 'Trainer.start'
    checkString(where, 'name', name)
    checkString(where, 'text', text)
    checkOptions(where, setup, { ...setupOptions, model: 'any', textName: 'any' })
    const { model: saved, textName, signal, worker } = setup
    signal?.throwIfAborted()
    const model = saved && (await encodeModel(saved.model, saved.vocab, saved.config?.training))
    const trainer = new Trainer('Trainer', worker)
    return trainer.begin({ kind: 'start', on: 'text', name, text, textName, options, model }, signal)
  }

  /**
   * Continues a training that was stopped, or whose page was closed, with the text that it saved. See `resumeRun`,
   * whose errors this throws, too.
   */
  static async resume(
    name: string,
    options: Partial<RunOptions> = {},
    setup: Omit<TrainerSetup, 'model'> = {},
  ): Promise<Trainer> {
    const where = 'Trainer.resume'
    checkString(where, 'name', name)
    checkOptions(where, setup, { ...setupOptions, textName: 'any' })
    const { textName, signal, worker } = setup
    signal?.throwIfAborted()
    return new Trainer('Trainer', worker).begin({ kind: 'resume', on: 'text', name, textName, options }, signal)
  }

  /**
   * Continues a prefix with the model in training. A long text takes several training steps to make, and the model
   * changes during them.
   */
  async predict(prefix: string, numPreds: number, options: TrainerPredictOptions = {}): Promise<string> {
    checkString('Trainer.predict', 'prefix', prefix)
    checkWhole('Trainer.predict', 'numPreds', numPreds, 0)
    checkOptions('Trainer.predict', options, predictOptions)
    return (await this.ask({ kind: 'predict', prefix, numPreds, options: { ...options } })) as string
  }

  /** A copy of the model as it is now. */
  async model(): Promise<LoadedModel> {
    return decodeModel(await this.modelFiles(), 'Trainer.model')
  }

  /**
   * The files of the model as it is now, as `encodeModel` makes them: for another worker, whose `decodeModel` makes the model
   * while the page stays responsive.
   */
  async modelFiles(): Promise<Record<ModelFile, Uint8Array>> {
    return (await this.ask({ kind: 'model' })) as Record<ModelFile, Uint8Array>
  }
}
