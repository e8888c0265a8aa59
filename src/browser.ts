/*
 * The entry `unrolled/browser`: what a page needs beside `unrolled` itself: models from addresses, files and the
 * browser's own file system, and texts that were chosen or dropped.
 */
export { type FetchOptions, loadModel, savedModels } from './browser/models.js'
export { type DecodeOptions, droppedTexts, type NamedText, textOf } from './browser/texts.js'
export * from './index.js'
