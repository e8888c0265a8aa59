import { DataError } from '../core/errors.js'
import { foreignCell } from './foreign-cell.js'
import { cellKindOf, type ModelSizes } from './model-config.js'

/** Where the weights are of a model that no other framework has. */
export const inModelFile = 'its weights lie in the saved model’s model.safetensors'

/** @param where the function that the user called @throws DataError for a model that PyTorch's layers do not compute */
export function checkForPyTorch(
  where: string,
  config: Pick<ModelSizes, 'cell' | 'resetAfter' | 'peepholes' | 'projSize'>,
): void {
  foreignCell(where, cellKindOf(config))
  if (config.peepholes) {
    throw new DataError(
      `${where}: the LSTM has peepholes, which PyTorch’s LSTM does not have, expected none; ${config.projSize === undefined ? 'export it for onnx' : inModelFile}`,
    )
  }
  if (config.resetAfter !== false) return
  throw new DataError(
    `${where}: the GRU has resetAfter = false, which PyTorch’s GRU does not have, expected true; export it for keras, tfjs or onnx`,
  )
}
