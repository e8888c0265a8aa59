// Checks format, lint and the types of all programs, side by side. The compiler is named by its path, because page-typescript, an
// older one that runs in a page, has the command tsc, too.
import { spawn } from 'node:child_process'

const ended = (file, ...args) =>
  new Promise((resolve) => {
    spawn(process.execPath, [file, ...args], { stdio: 'inherit' }).on('close', resolve)
  })
const types = (project) => ended('node_modules/typescript/bin/tsc', '--noEmit', '-p', project)
const codes = await Promise.all([
  ended('node_modules/@biomejs/biome/bin/biome', 'check'),
  ...['tsconfig.json', 'apps/studio', 'apps/site'].map(types),
])
process.exitCode = codes.some((code) => code !== 0) ? 1 : 0
