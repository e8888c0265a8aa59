import { defineConfig } from 'vitest/config'

export default defineConfig({
  // #platform in sources is the sources' own.
  ssr: { resolve: { conditions: ['unrolled-source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // All tests together take less than four minutes on a quiet machine. On a busy one each has five times that, so that
    // only a hang is stopped. Tests have no shorter limits of their own: see test/time-limits.test.ts.
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    teardownTimeout: 300_000,
    globalSetup: './test/cache-folder.ts',
    reporters: ['default', './test/tally.ts'],
  },
})
