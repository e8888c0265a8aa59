// The parts of fflate that are used: scripts/build.mjs bundles them into one file, so that users need not install
// fflate.
export { inflateSync, type UnzipFileInfo, unzipSync, zipSync } from 'fflate'
