import { computed } from '@preact/signals'
import { type DoneEvent, type RunOptions, Trainer } from 'unrolled/browser'
import { type Base, optionsOf } from './base'
import { FaultError, told } from './faults'
import { freeName, historyOf, runNames, textOf } from './kept'
import { series } from './series/chosen'
import { CHECKPOINT_MINUTES, Session, session, show } from './session'
import { type Setup, setup, setupIn } from './setup'
import { type ChosenText, choose, chosen, read } from './text'

/** A text that the model wrote. */
export interface Sample {
  /** The epoch after which it did; 'end' for the model that was saved. */
  epoch: number | 'end'
  text: string
}

/** Milliseconds between two samples. */
const SAMPLE_PACE = 2000

/** Characters of a sample after its beginning. */
const SAMPLE_LENGTH = 70

/** A training on a text. */
export class TextSession extends Session<Setup, Trainer> {
  readonly samples: Sample[] = []
  #sampleDue = 0

  /** The name of the text, once it is known, or else of the training. */
  get textName(): string {
    return this.facts?.source ?? this.name
  }

  override choose(): void {
    series.value = undefined
  }

  protected override get items() {
    const { facts } = this
    if (!facts) return undefined
    const { numSteps, batchSize, epochs } = this.setup
    return { all: (facts.sizes.train ?? facts.tokens) * epochs, step: numSteps * batchSize }
  }

  protected override prepared({ facts }: Trainer): void {
    this.setup = setupIn(facts.options)
    // To train again is to train the same again.
    setup.value = this.setup
  }

  /** Lets the model write, unless it just did. */
  protected override async afterEpoch(): Promise<void> {
    const now = performance.now()
    if (!this.trainer || now < this.#sampleDue) return
    this.#sampleDue = now + SAMPLE_PACE
    const { epoch } = this
    const [prefix = ''] = this.trainer.facts.prefixes
    // A training that has ended answers no more.
    const text = await this.trainer.predict(prefix, SAMPLE_LENGTH, { temperature: 0.7 }).catch(() => undefined)
    if (text === undefined || this.samples[0]?.epoch === 'end') return
    this.samples.unshift({ epoch, text })
    this.tick.value++
  }

  /** A quick training ends before the model may write again. */
  protected override afterAll({ samples: [text] }: DoneEvent): void {
    if (text !== undefined) this.samples.unshift({ epoch: 'end', text })
  }
}

/** The training that the page shows, if it is one on a text. */
export const textSession = computed(() => (session.value instanceof TextSession ? session.value : undefined))

// What went wrong with another text says nothing of this one.
chosen.subscribe(() => {
  const now = textSession.peek()
  if (now?.state.peek() !== 'failed') return
  now.close()
  session.value = undefined
})

/** Begins a training, in place of the one before. */
export const begin = (wanted: Setup, text: ChosenText, textName: string, from: Base | undefined): Promise<boolean> =>
  told(async () => {
    if (wanted.device === 'webgpu' && !(await hasWebGpu())) throw new FaultError({ kind: 'noWebGpu' })
    const name = freeName(`${textName}, ${wanted.cell} ${wanted.hiddenSize}`, await runNames())
    const start = async (name: string, signal: AbortSignal) => {
      const options = { ...optionsOf(wanted, from), checkpointMinutes: CHECKPOINT_MINUTES }
      return Trainer.start(name, await read(text), options, { textName, signal, ...(from && { model: from }) })
    }
    show(new TextSession(name, wanted, start, []))
  })

/** Goes on with a training on a text, from its last checkpoint, with these options changed. */
export async function resumeText(name: string, options: Partial<RunOptions>): Promise<void> {
  const earlier = await historyOf(name).events()
  const resume = async (name: string, signal: AbortSignal) => {
    const trainer = await Trainer.resume(name, options, { signal })
    const { clean, maxTokens } = setupIn(trainer.facts.options)
    choose({ own: { name: trainer.facts.source, read: () => textOf(name), reading: { clean, maxTokens } } })
    return trainer
  }
  show(new TextSession(name, setup.value, resume, earlier))
}

/** WebGPU is no part of the types of pages yet. */
interface WithGpu {
  gpu?: { requestAdapter(): Promise<unknown> }
}

const hasWebGpu = async (): Promise<boolean> =>
  Boolean(await (navigator as WithGpu).gpu?.requestAdapter().catch(() => null))
