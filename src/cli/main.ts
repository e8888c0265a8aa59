#!/usr/bin/env node
// Nothing is imported before errors are caught: Node may be unable to read the command's own files.
try {
  const { watchOutput } = await import('./streams.js')
  watchOutput()
  const { runCommand } = await import('./program.js')
  const code = await runCommand(process.argv.slice(2))
  // An interrupt has set its own.
  if (code !== 0) process.exitCode = code
} catch (error) {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (!['EMFILE', 'ENFILE'].includes(code)) throw error
  console.error(`error: ${message}; close what holds so many files open, or allow more (ulimit -n), and try again`)
  process.exitCode = 2
}

export {}
