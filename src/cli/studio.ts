import { Command } from 'commander'
import { number } from './command-line.js'
import { interruptible } from './interrupt.js'
import { print } from './output.js'

interface Options {
  host?: string
  port?: number
}

export function studioCommand(): Command {
  return new Command('studio')
    .description('Serve a page that trains networks in the browser and shows what they do.')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1, which only this machine reaches)')
    .option('--port <n>', 'port to listen on (default: 7766, or any that is free)', number)
    .addHelpText('after', '\nCtrl-C ends it. Texts that the page is given stay in the browser.')
    .action((options: Options) => interruptible((signal) => run(options, signal)))
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const { serveStudio } = await import('../node.js')
  const { url, close } = await serveStudio(options)
  print(`The studio is at ${url} (Ctrl-C ends it)`)
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  await close()
}
