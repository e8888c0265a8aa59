/*
 * The entry `unrolled/formats`: models that go to other frameworks and come from them.
 */
export { type ExportFormat, exportFormats, exportModel } from './formats/export.js'
export type { ForeignFile, ForeignModel, ForeignOptions } from './formats/foreign.js'
export { importModel, importTensors } from './formats/import.js'
export { openSafetensors, type SafetensorsFile, type TensorValues } from './formats/safetensors.js'
export type { SafetensorsHeader, TensorEntry } from './formats/safetensors-header.js'
export type { ByteSource } from './formats/source.js'
export { withVocab } from './formats/with-vocab.js'
