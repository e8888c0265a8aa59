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
  /** The sum over all items of the step, such as its tokens. */
  lossSum: number
  gradNorm: number
  /** The mean over the items of the step. */
  loss: number
}

/** The latest steps, whose losses and norms are still on the device, to be read together. */
export class UnreadSteps {
  #steps: UnreadStep[] = []

  /** Whether there are unread steps. */
  get any(): boolean {
    return this.#steps.length > 0
  }

  /** @returns whether there are now enough steps to read together, which the device decides */
  add(step: UnreadStep): boolean {
    this.#steps.push(step)
    return this.#steps.length >= step.norm.device.readEvery
  }

  /** Reads and removes all steps. */
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

  /** Removes all steps without reading them, and returns them. */
  clear(): UnreadStep[] {
    const steps = this.#steps
    this.#steps = []
    return steps
  }
}
