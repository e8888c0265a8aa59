import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take longest, and those that wait for processes most of their time: the tests in Chromium, which run
 * only at the beginning, need the processors meanwhile. A long file that began late would hold up the end alone.
 */
const longest = [
  'test/resume.test.ts',
  'test/lifecycle.test.ts',
  'test/torchrun.test.ts',
  'test/sweep-cli.test.ts',
  'test/watchdog.test.ts',
  'test/options.test.ts',
  'src/kernels/wasm/pool.test.ts',
  'test/bundles.test.ts',
  'src/node/saving.test.ts',
  'test/memory.test.ts',
  'test/cli.test.ts',
  'src/node/node.test.ts',
  'test/package.test.ts',
  'test/readme.test.ts',
]

/**
 * Begins with the longest files. All others follow as vitest orders them, those that share a process last and side by side:
 * a process is only kept for the file that is next.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      if (!project.config.isolate) return longest.length + (project.name === 'node, pages' ? 1 : 2)
      const at = longest.findIndex((name) => moduleId.endsWith(`/${name}`))
      return at < 0 ? longest.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
