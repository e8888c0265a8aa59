// The part of yaml that is used: scripts/build.mjs bundles it into one file, so that users need not install yaml.
export { parse } from 'yaml'
