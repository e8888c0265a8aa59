// The process of built-command.ts: it runs the built command with the arguments of each message.
import { runCommand } from '../dist/cli/program.js'

let said = { stdout: '', stderr: '' }
for (const name of ['stdout', 'stderr']) {
  process[name].write = (chunk, ...rest) => {
    said[name] += chunk
    const written = rest.at(-1)
    if (typeof written === 'function') process.nextTick(written)
    return true
  }
}

process.on('message', async (args) => {
  said = { stdout: '', stderr: '' }
  process.exitCode = undefined
  const code = await runCommand(args)
  process.send({ status: code || (process.exitCode ?? 0), ...said })
})
process.on('disconnect', () => process.exit())
