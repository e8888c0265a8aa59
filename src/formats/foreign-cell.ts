import { DataError } from '../core/errors.js'
import { cells, foreignCellNames, type LayerKind } from '../device/cells.js'

/** The name of a cell that other frameworks have. @param where the function that the user called @throws DataError for another one */
export function foreignCell(where: string, kind: LayerKind): (typeof foreignCellNames)[number] {
  const { name: own } = cells[kind]
  const known = foreignCellNames.find((name) => name === own)
  if (known) return known
  throw new DataError(
    `${where}: the cell is ${own}, which PyTorch, Keras, TensorFlow.js and ONNX do not have, expected ${foreignCellNames.join(', ')}; keep it as a saved model (saveModel, encodeModel, zipModel, or what unrolled train writes), whose model.safetensors has its weights: docs/cells.md has its formulas, and docs/pytorch.md the order`,
  )
}
