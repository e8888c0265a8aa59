/*
 * The entry `unrolled/config`: the options of a training and the error classes, without the library itself, so that a
 * command or a form starts at once.
 */
export * from './core/errors.js'
export { toJson } from './core/json.js'
export { isRefusal, whyNotWritten } from './core/refusal.js'
export { calendarNames } from './data/series/calendar.js'
export { tokenKinds } from './data/text.js'
export { cellNames, foreignCellNames } from './device/cells.js'
export { type ExportFormat, exportFormats } from './formats/export-formats.js'
export { temperatureOf } from './generate/sample.js'
export { type XName, xLabels, type YName, yLabels } from './run/axes.js'
export { hasEffect } from './run/effects.js'
export {
  changingOptions,
  defaultRates,
  type RunOptionKind,
  type RunOptions,
  resumableOptions,
  runDefaults,
  runOptionKinds,
} from './run/run-options.js'
export { labelOptionNames, labelRunDefaults, seriesOptionNames, seriesRunDefaults } from './run/table-options.js'
