// Reads mutated files of all targets. Every one must be read right or refused with a FormatError, in less than a second,
// and memory must not grow.
//   npm run fuzz                        a million files of each target
//   npm run fuzz -- 1000 --seed 7       the files of the seeds 7 to 1006
//   npm run fuzz -- --target safetensors
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fuzz, type Outcome } from './fuzz.js'
import { targets } from './targets.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '0' }, target: { type: 'string' } },
})
const [count, seed] = [Number(positionals[0] ?? 1_000_000), Number(values.seed)]
if (!(Number.isSafeInteger(count) && count > 0 && Number.isSafeInteger(seed) && seed >= 0)) {
  throw new Error('the count and the seed must be whole numbers')
}
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target)
if (chosen.length === 0) throw new Error(`there is no target ${values.target}`)

const shown = ({ files, read, slowest, growth }: Outcome): string =>
  [
    `${files} files: ${read} read right, ${files - read} refused`,
    `the slowest took ${slowest.milliseconds.toFixed(1)} ms (seed ${slowest.seed})`,
    `memory grew by at most ${Math.ceil(growth / 1e6)} MB`,
  ].join('; ')

for (const target of chosen) {
  const progress = (outcome: Outcome) => {
    if (outcome.files % 50_000 === 0) console.log(`${target.name}: ${shown(outcome)}`)
  }
  const { outcome, finding } = await fuzz(target, { seed, count, progress })
  console.log(`${target.name}: ${shown(outcome)}`)
  if (outcome.slowest.milliseconds > 1000 || outcome.growth > 500e6) {
    console.error(`${target.name}: a file took too long, or too much memory`)
    process.exitCode = 1
  }
  if (!finding) continue
  const file = `fuzz-${target.name}-${finding.seed}`
  writeFileSync(file, finding.file)
  console.error(`${target.name}, seed ${finding.seed}: ${finding.problem}; the file is ${file}`)
  process.exitCode = 1
}
