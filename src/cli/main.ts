#!/usr/bin/env node
import { runCommand } from './program.js'
import { watchOutput } from './streams.js'

watchOutput()

const code = await runCommand(process.argv.slice(2))
// An interrupt, and a training that exploded, have set their own.
if (code !== 0) process.exitCode = code
