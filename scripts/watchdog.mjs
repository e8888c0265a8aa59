// Runs a command, and ends it when it hangs: node scripts/watchdog.mjs <idle seconds> <limit in seconds> <command…>
//
// A busy machine makes everything slow, so that a limit in seconds either fails tests which only wait for their turn,
// or lets a hang last for an hour. Therefore a command is taken to hang when all of its processes together used almost
// no processor time for `idle` seconds. The limit ends a command that computes forever. Both give the exit code 124.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The share of one processor below which a command does nothing: polling for a file takes less than 1 %. */
const IDLE_SHARE = 0.01
/** How /proc counts processor time, on every Linux that Node supports. */
const TICKS_PER_SECOND = 100

const [idle, limit] = process.argv.slice(2, 4).map(Number)
const [command, ...args] = process.argv.slice(4)
if (!(idle > 0 && limit > 0 && command)) {
  console.error('usage: node scripts/watchdog.mjs <idle seconds> <limit in seconds> <command> [arguments]')
  process.exit(2)
}

if (!existsSync('/proc/self/stat')) {
  // On other systems than Linux, there is no /proc that tells how much time processes use, so only the time limit
  // applies.
  const { status } = spawnSync(command, args, { stdio: 'inherit', timeout: limit * 1000, killSignal: 'SIGKILL' })
  process.exit(status ?? 1)
}

// The command runs in a session of its own, by which all its processes are found, whichever process started them.
const child = spawn(command, args, { stdio: 'inherit', detached: true })
child.on('error', (error) => {
  console.error(`watchdog: ${command}: ${error.message}`)
  process.exit(127)
})

/** The processes of the command, with the processor time in seconds of each and of its children that have ended. */
function processes() {
  const found = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name, in parentheses, may contain anything. After it come the state, the parent, the group, the session…
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(fields[3]) !== child.pid) continue
      const seconds = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      found.push({ pid: Number(pid), seconds, line })
    } catch {
      // It ended in the meantime.
    }
  }
  return found
}

function endAll(signal) {
  for (const { pid } of processes()) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended in the meantime.
    }
  }
}

function giveUp(reason) {
  console.error(`watchdog: ${command} ${reason}; it is ended, with these processes:`)
  for (const { pid, seconds, line } of processes()) {
    console.error(`  ${pid}, ${seconds.toFixed(1)} s of processor time: ${line.slice(0, 300)}`)
  }
  endAll('SIGKILL')
  process.exit(124)
}

const used = () => processes().reduce((sum, { seconds }) => sum + seconds, 0)
let before = used()
setInterval(() => {
  const now = used()
  // Less than before: a process ended whose parent does not count its time.
  if (Math.abs(now - before) < idle * IDLE_SHARE) giveUp(`used no processor time for ${idle} seconds`)
  before = now
}, idle * 1000)
setTimeout(() => giveUp(`runs for more than ${limit} seconds`), limit * 1000)

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => endAll(signal))
child.on('exit', (code, signal) => {
  // Processes that the command left behind must not outlive it.
  endAll('SIGKILL')
  process.exit(code ?? (signal ? 1 : 0))
})
