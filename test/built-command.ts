import path from 'node:path'
import { type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'

/** How the command ended, and what it printed. */
export interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

/** Starts the command's process in a thread, because the thread that asks for a command blocks until it has ended. */
const keeper = `
const { fork } = require('node:child_process')
const { parentPort, workerData } = require('node:worker_threads')
const { port, turn, program, cwd, env } = workerData
const answer = (ended) => {
  port.postMessage(ended)
  Atomics.store(turn, 0, 1)
  Atomics.notify(turn, 0)
}
let child
const start = () => {
  child = fork(program, [], { cwd, env, execArgv: [] })
  child.on('message', answer)
  child.on('exit', (status, signal) => {
    child = undefined
    answer({ status, stdout: '', stderr: 'the process of the command ended: ' + (signal ?? status) })
  })
}
parentPort.on('message', (args) => {
  if (!child) start()
  child.send(args)
})`

/**
 * The built command, run again and again in one process, because Node takes longer to start than most commands take.
 * Tests of signals, of streams, and of how a process begins and ends start processes of their own.
 */
export class BuiltCommand {
  readonly #turn = new Int32Array(new SharedArrayBuffer(4))
  readonly #port: MessagePort
  readonly #worker: Worker

  constructor(cwd: string, env: NodeJS.ProcessEnv = process.env) {
    const { port1, port2: port } = new MessageChannel()
    this.#port = port1 as unknown as MessagePort
    const program = path.resolve('test/command-process.mjs')
    const workerData = { port, turn: this.#turn, program, cwd, env: { ...env } }
    this.#worker = new Worker(keeper, { eval: true, workerData, transferList: [port as unknown as MessagePort] })
  }

  /** Returns once the command has ended, as spawnSync does. */
  run(...args: string[]): Ended {
    Atomics.store(this.#turn, 0, 0)
    this.#worker.postMessage(args)
    if (Atomics.wait(this.#turn, 0, 0, 600_000) === 'timed-out') throw new Error(`hangs: unrolled ${args.join(' ')}`)
    return receiveMessageOnPort(this.#port)!.message
  }

  /** The output of a command that succeeds. */
  done(...args: string[]): string {
    const { status, stdout, stderr } = this.run(...args)
    if (status === 0 && stderr === '') return stdout
    throw new Error(`unrolled ${args.join(' ')} ended with ${status}, expected 0 and no message: ${stderr}`)
  }

  /** Ends the process, which notices that nobody can ask it for anything any more. */
  async stop(): Promise<void> {
    this.#port.close()
    await this.#worker.terminate()
  }
}
