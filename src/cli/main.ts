#!/usr/bin/env node
// Everything is imported inside try, because Node may be unable to read the command's own files.
try {
  const { watchOutput } = await import('./streams.js')
  watchOutput()
  const { runCommand } = await import('./program.js')
  const code = await runCommand(process.argv.slice(2))
  // An interrupt has already set its own exit code.
  if (code !== 0) process.exitCode = code
} catch (error) {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (!['EMFILE', 'ENFILE'].includes(code)) throw error
  console.error(`error: ${message}; close programs that hold many files open, or allow more (ulimit -n), and try again`)
  process.exitCode = 2
}

export {}
