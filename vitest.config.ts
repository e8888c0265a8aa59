import { existsSync } from 'node:fs'
import path from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { chromium } from './test/browser/path.js'
import LongestFirst from './test/longest-first.js'
import { findAdapter } from './test/webgpu/adapter.js'

// In sources, #platform is the sources' own.
const source = 'unrolled-source'

/** Tests of the public interface that need nothing of Node: they run in a page, too. */
const everywhere = [
  'src/{core,tensor,optim,train,run,generate}/*.test.ts',
  'src/data/{data,ngram}.test.ts',
  'src/nn/{cells,module,nn,regularization,shapes}.test.ts',
  'src/browser/*.test.ts',
  'test/{parity,curves,optimizers,kernels,exactness,infinities,arguments}.test.ts',
]
const needNode = ['src/core/{check-options,sha256,turn}.test.ts', 'src/tensor/arrays.test.ts']

if (!existsSync(chromium)) console.log(`no ${chromium} on this machine: the tests do not run in a browser`)

const adapter = findAdapter()
if (adapter.name === undefined) console.log(`no tests on WebGPU: ${adapter.reason}`)

/** Tests of everything that must work on the WebGPU device, and of the device itself. */
const onWebGpu = [
  'src/kernels/webgpu/*.test.ts',
  'src/nn/{buffers,cells,regularization}.test.ts',
  'src/tensor/devices.test.ts',
  'test/{curves,optimizers,parity}.test.ts',
  'test/webgpu/*.test.ts',
]

/** Tests on the WebGPU device in Node alone. */
const onWebGpuInNode = 'src/cli/lost-device.test.ts'

/** All files share one process, which opens the adapter once, and no other tests run meanwhile: it uses all processors. */
const gpuProject = {
  provide: { webgpu: true },
  setupFiles: './test/webgpu/reset.ts',
  isolate: false,
  fileParallelism: false,
}

/** What gives Chromium a software adapter of its own. */
const webGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

const inChromium = (test: NonNullable<ViteUserConfig['test']>) =>
  defineConfig({
    resolve: { conditions: [source, 'browser', 'import', 'module', 'default'] },
    plugins: [
      {
        name: 'fixtures',
        enforce: 'pre',
        resolveId: (id) =>
          id.endsWith('/fixture-files.js') ? path.resolve('test/browser/fixture-files.ts') : undefined,
      },
    ],
    test: {
      exclude: needNode,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath: chromium, args: ['--no-sandbox', ...webGpu] } }),
        instances: [{ browser: 'chromium' }],
      },
      ...test,
    },
  })

export default defineConfig({
  test: {
    // All tests together take less than seven minutes on a quiet machine. On a busy one each has three times that, so that
    // only a hang is stopped. Tests have no shorter limits of their own: see test/time-limits.test.ts.
    // Without this, vitest leaves one processor idle, which is half of a small machine.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    teardownTimeout: 300_000,
    globalSetup: './test/cache-folder.ts',
    reporters: ['default', './test/tally.ts'],
    projects: [
      {
        extends: true,
        ssr: { resolve: { conditions: [source, 'node', 'import', 'module', 'default'] } },
        test: {
          name: 'node',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['src/browser/*.test.ts', 'src/kernels/webgpu/*.test.ts', 'test/webgpu/*.test.ts', onWebGpuInNode],
        },
      },
      ...(adapter.name === undefined
        ? []
        : [
            {
              extends: true as const,
              ssr: { resolve: { conditions: [source, 'node', 'import', 'module', 'default'] } },
              test: {
                name: `webgpu: ${adapter.name}`,
                include: [...onWebGpu, onWebGpuInNode],
                env: adapter.env,
                ...gpuProject,
                sequence: { groupOrder: 1 },
              },
            },
          ]),
      ...(existsSync(chromium)
        ? [
            inChromium({ name: 'chromium', include: everywhere }),
            inChromium({ name: 'chromium: webgpu', include: onWebGpu, ...gpuProject, sequence: { groupOrder: 2 } }),
          ].map((project) => ({ extends: true as const, ...project }))
        : []),
    ],
  },
})
