// Checks the types of all programs, side by side. The compiler is named by its path, because page-typescript, an older one that
// runs in a page, has the command tsc, too.
import { spawn } from 'node:child_process'

const check = (project) =>
  new Promise((resolve) => {
    const args = ['node_modules/typescript/bin/tsc', '--noEmit', '-p', project]
    spawn(process.execPath, args, { stdio: 'inherit' }).on('close', resolve)
  })
const codes = await Promise.all(['tsconfig.json', 'apps/studio', 'apps/site'].map(check))
process.exitCode = codes.some((code) => code !== 0) ? 1 : 0
