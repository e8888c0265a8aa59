/**
 * What charts are drawn with. scripts/build.mjs replaces the compiled file by a bundle, so that a user of the package
 * installs neither of the libraries.
 */
export { dot, lineY, plot } from '@observablehq/plot'
export { parseHTML } from 'linkedom'
