import { DataError } from '../core/errors.js'
import type { ModelSizes } from './model-config.js'

/** @param where the function that the user called @throws DataError for a model that PyTorch's layers do not compute */
export function checkForPyTorch(where: string, { resetAfter }: Pick<ModelSizes, 'resetAfter'>): void {
  if (resetAfter !== false) return
  throw new DataError(
    `${where}: the GRU has resetAfter = false, which PyTorch’s GRU does not have, expected true; export it for keras, tfjs or onnx`,
  )
}
