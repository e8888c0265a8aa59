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
/** Those with a process of their own, which come last because their files are the shortest but for these. */
const longestAlone = ['test/options.test.ts', 'src/kernels/wasm/pool.test.ts', 'test/memory.test.ts']

/**
 * Begins with the longest files. Those that share a process follow each other, because a process is only kept for the file that
 * is next. All others are in vitest's order.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const { isolate } = project.config
      const [first, before] = isolate ? [longestAlone, longest.length + 1] : [longest, 0]
      const at = first.findIndex((name) => moduleId.includes(`/${name}`))
      return before + (at < 0 ? first.length : at)
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
