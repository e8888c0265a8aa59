#!/usr/bin/env node
import { runCommand } from './program.js'

// A reader that closes early, as in `unrolled generate … | head`, is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
}

const code = await runCommand(process.argv.slice(2))
// An interrupt has set its own.
if (code !== 0) process.exitCode = code
