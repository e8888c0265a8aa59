/*
 * The entry `unrolled/formats`: models that go to other frameworks and come from them.
 */
export { exportModel } from './formats/export.js'
export { type ExportFormat, exportFormats } from './formats/export-formats.js'
export type { ForeignFile, ForeignModel, ForeignOptions } from './formats/foreign.js'
export { importModel, importTensors } from './formats/import.js'
export type { ModelSizes } from './formats/model-config.js'
export type { OnnxInput } from './formats/onnx/graph.js'
export { decodeOnnx, OnnxModel } from './formats/onnx/model.js'
export {
  encodeSafetensors,
  openSafetensors,
  type SafetensorsFile,
  type TensorValues,
} from './formats/safetensors.js'
export type { SafetensorsHeader, TensorEntry } from './formats/safetensors-header.js'
export type { ByteSource } from './formats/source.js'
export { parseTokenList, type TokenList } from './formats/token-list.js'
export { withVocab } from './formats/with-vocab.js'
export { unzipFiles, zipFiles } from './formats/zip.js'
export { exportTorchrun, type TorchrunExport } from './run/torchrun/export.js'
