/**
 * The libraries that draw charts. scripts/build.mjs replaces the compiled file by a bundle, so that users of the package
 * need not install them.
 */
export { areaY, dot, lineY, plot } from '@observablehq/plot'
export { parseHTML } from 'linkedom'
