// What is used of fflate: scripts/build.mjs makes one file of it, so that nobody has to install the rest.
export { type UnzipFileInfo, unzipSync, zipSync } from 'fflate'
