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
    .argument('[run...]', 'folders of trainings or sweeps of this machine to show, live while they train')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1, which only this machine reaches)')
    .option('--port <n>', 'port to listen on (default: 7766, or any that is free)', number)
    .addHelpText(
      'after',
      `
Examples:
  unrolled studio
  unrolled studio runs/*

Ctrl-C ends it. Texts that the page is given stay in the browser.`,
    )
    .action((runs: string[], options: Options) => interruptible((signal) => run(runs, options, signal)))
}

async function run(named: string[], options: Options, signal: AbortSignal): Promise<void> {
  const { serveStudio } = await import('../node.js')
  const { runFolders } = await import('./run-folders.js')
  const runs = await runFolders(named)
  const { url, close } = await serveStudio({ ...options, runs })
  // The trainings of this machine are in the library.
  print(`The studio is at ${url}${runs.length > 0 ? '#/library' : ''} (Ctrl-C ends it)`)
  // It may have come before the server was there.
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  await close()
}
