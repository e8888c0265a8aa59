import { DataError } from '../core/errors.js'
import { cells, foreignCellNames, type LayerKind } from '../device/cells.js'

/** The name of a cell that other frameworks have. @param where the function that the user called @throws DataError for another one */
export function foreignCell(where: string, kind: LayerKind): (typeof foreignCellNames)[number] {
  const { name: own } = cells[kind]
  const known = foreignCellNames.find((name) => name === own)
  if (known) return known
  throw new DataError(
    `${where}: the cell is ${own}, which PyTorch, Keras, TensorFlow.js and ONNX do not have, expected ${foreignCellNames.join(', ')}; its weights lie in the saved model’s model.safetensors, with the formulas of ${own} in the documentation`,
  )
}
