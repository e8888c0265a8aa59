import type { Tensor } from '../tensor/tensor.js'
import type { BatchLoss } from './objective.js'
import type { StepEvent } from './training-events.js'

/** A step whose losses and norm have not been read. */
interface UnreadStep {
  place: Pick<StepEvent, 'epoch' | 'step' | 'batch' | 'lr'>
  losses: readonly BatchLoss<unknown>[]
  norm: Tensor
}

/** A step with its numbers. */
interface ReadStep {
  place: UnreadStep['place']
  /** Over all items of the step, such as its tokens. */
  lossSum: number
  gradNorm: number
  /** Mean over the items of the step. */
  loss: number
}

/** The last steps, whose numbers are on the device alone: they are read together, as many as the device wants. */
export class UnreadSteps {
  #steps: UnreadStep[] = []

  /** Whether steps wait. */
  get any(): boolean {
    return this.#steps.length > 0
  }

  /** @returns whether there are as many now as the device wants to be read together */
  add(step: UnreadStep): boolean {
    this.#steps.push(step)
    return this.#steps.length >= step.norm.device.readEvery
  }

  /** Reads all that wait, and leaves none. */
  async read(): Promise<ReadStep[]> {
    const steps = this.clear()
    return Promise.all(
      steps.map(async ({ place, losses, norm }) => {
        const [gradNorm, ...means] = await Promise.all(
          [norm, ...losses.map(({ loss }) => loss)].map((one) => one.item()),
        )
        const lossSum = means.reduce((sum, mean, batch) => sum + mean * losses[batch].items, 0)
        return { place, lossSum, gradNorm, loss: lossSum / losses.reduce((sum, { items }) => sum + items, 0) }
      }),
    )
  }

  /** Forgets those that wait. */
  clear(): UnreadStep[] {
    const steps = this.#steps
    this.#steps = []
    return steps
  }
}
