import { checkArgument } from '../core/check.js'
import type { Stepper } from '../device/device.js'

/**
 * A model that can continue texts: an RNNModel, or a saved model without the code for training (`unrolled/inference`).
 */
export interface TokenModel {
  readonly vocabSize: number
  /** A bidirectional model cannot continue texts: its backward direction needs the text that is not generated yet. */
  readonly bidirectional: boolean
  /** Prepares the model to run `batchSize` sequences side by side, token by token. */
  stepper(batchSize?: number): Stepper
}

/** @throws OptionError for anything but a model that can continue texts. @param where the function that the user called */
export function checkTokenModel(where: string, model: unknown): void {
  const { vocabSize, stepper }: Partial<TokenModel> = Object(model)
  const fits = typeof stepper === 'function' && typeof vocabSize === 'number'
  checkArgument(where, 'model', model, fits, 'an RNNModel')
}
