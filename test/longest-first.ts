import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take longest: one that began late would hold up the end alone. */
const longest = [
  'test/lifecycle.test.ts',
  'test/sweep-cli.test.ts',
  'test/resume.test.ts',
  'test/torchrun.test.ts',
  'test/watchdog.test.ts',
  'test/bundles.test.ts',
  'test/cli.test.ts',
  'test/package.test.ts',
  'test/browser/',
  'test/studio/',
]
/** The longest of those with a process of their own. */
const longestAlone = ['test/options.test.ts', 'src/kernels/wasm/pool.test.ts', 'test/memory.test.ts']

/**
 * Begins with the longest files, and ends with those that have a process of their own, most of which are short. Those that share
 * a process follow each other, because a process is only kept for the file that is next. All others are in vitest's order.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project: { name, config } }: TestSpecification) => {
      if (name.startsWith('webgpu')) return longest.length + 1
      const [first, before] = config.isolate ? [longestAlone, longest.length + 2] : [longest, 0]
      const at = first.findIndex((file) => moduleId.includes(`/${file}`))
      return before + (at < 0 ? first.length : at)
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
