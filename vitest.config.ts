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
  'src/nn/{cells,lstm,module,nn,shapes}.test.ts',
  'src/browser/*.test.ts',
  'test/{parity,label-parity,curves,kernels,exactness,arguments}.test.ts',
]
const needNode = ['src/core/{check-options,sha256,turn}.test.ts', 'src/tensor/arrays.test.ts']
/**
 * These compute for long with nothing that differs between runtimes: what they compute with, the kernels, threads and turns of
 * the event loop, has tests in pages of its own.
 */
const nothingOfRuntimes = [
  'src/core/random.test.ts',
  'src/data/ngram.test.ts',
  'src/generate/{beam,refusals}.test.ts',
  'src/optim/{hidden,resume}.test.ts',
  'src/run/{run,table-run}.test.ts',
  'src/train/{forecast,labelling,snapshot,training}.test.ts',
]

const inPages = existsSync(chromium)
if (!inPages) console.log(`no ${chromium} on this machine: the tests do not run in a browser`)

const adapter = findAdapter()
if (adapter.name === undefined) console.log(`no tests on WebGPU: ${adapter.reason}`)

/** Tests of what the engines differ in: how a GPU is acquired, read and lost. Both run them. */
const onWebGpu = ['src/kernels/webgpu/gpu.test.ts']
/**
 * Tests of what is computed on the device: one engine is enough, because both give the same shaders to the same software
 * adapter, so that each has half of them if both are there. In Node, these are the device's own operations, one by one; in
 * Chromium, whole layers and trainings beside PyTorch's, which need all of them.
 */
const onFirstWebGpu = [
  'src/kernels/webgpu/{stepper,webgpu}.test.ts',
  'src/nn/{buffers,minimal,regularization}.test.ts',
  'src/tensor/{devices,losses}.test.ts',
  'test/webgpu/{dispatches,language}.test.ts',
]
const onSecondWebGpu = [
  'src/kernels/webgpu/recurrent.test.ts',
  'src/nn/{cells,lstm,sequences}.test.ts',
  'test/{curves,optimizers,parity,label-parity}.test.ts',
]

/** Tests on the WebGPU device in Node alone. */
const onWebGpuInNode = ['src/cli/{lost-device,device}.test.ts', 'test/gpu-growth.test.ts']

const inNode = ['{apps/*/src,src,test}/**/*.test.ts']
const notInNode = ['src/browser/*.test.ts', 'src/kernels/webgpu/*.test.ts', 'test/webgpu/*.test.ts', ...onWebGpuInNode]

/**
 * Each has a process of its own: it replaces modules or what belongs to the process, measures or blocks it, or needs a new one.
 * All others share a process, because the library's modules load slower than most tests run, and Chromium starts slower, too.
 */
const alone = [
  'src/cli/interrupt.test.ts',
  'src/node/{appended-file,checkpoint,files,lock,open-file}.test.ts',
  'src/formats/pytorch/pickle.test.ts',
  'src/nn/dropout-warning.test.ts',
  'src/kernels/wasm/pool.test.ts',
  'test/{memory,options,paths,residents,wide}.test.ts',
]

/** Files share a process, where the modules of the library are loaded once, which takes longer than most files do. */
const sharing = { isolate: false, setupFiles: './test/reset.ts' }

/** Files share processes or pages, each of which opens the adapter once. */
const gpuProject = { ...sharing, provide: { webgpu: true } }

/** What gives Chromium a software adapter of its own. */
const webGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

/** @param fileParallelism whether several files run side by side, each in a page of its own */
const inChromium = (test: NonNullable<ViteUserConfig['test']>, fileParallelism = true) =>
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
      exclude: [...needNode, ...nothingOfRuntimes],
      browser: {
        enabled: true,
        headless: true,
        fileParallelism,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath: chromium, args: ['--no-sandbox', ...webGpu] } }),
        instances: [{ browser: 'chromium' }],
      },
      ...test,
    },
  })

export default defineConfig({
  test: {
    // Each test has far more time than all together take on a quiet machine, so that on a busy one only a hang is stopped. Tests
    // have no shorter limits of their own: see test/time-limits.test.ts.
    // Without maxWorkers, vitest leaves one processor idle, which is half of a small machine.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    teardownTimeout: 300_000,
    // Without this, `expect.poll` gives up after a second.
    expect: { poll: { timeout: 600_000 } },
    globalSetup: './test/cache-folder.ts',
    reporters: ['default', './test/tally.ts'],
    projects: [
      {
        extends: true,
        ssr: { resolve: { conditions: [source, 'node', 'import', 'module', 'default'] } },
        test: {
          name: 'node',
          include: inNode,
          exclude: [...notInNode, ...alone],
          ...sharing,
        },
      },
      {
        extends: true,
        ssr: { resolve: { conditions: [source, 'node', 'import', 'module', 'default'] } },
        test: { name: 'node, alone', include: alone, exclude: notInNode },
      },
      ...(adapter.name === undefined
        ? []
        : [
            {
              extends: true as const,
              ssr: { resolve: { conditions: [source, 'node', 'import', 'module', 'default'] } },
              test: {
                name: `webgpu: ${adapter.name}`,
                include: [...onWebGpu, ...onFirstWebGpu, ...onWebGpuInNode, ...(inPages ? [] : onSecondWebGpu)],
                env: adapter.env,
                ...gpuProject,
              },
            },
          ]),
      ...(inPages
        ? [
            inChromium({ name: 'chromium', include: everywhere, ...sharing }),
            // In one page after the other, the adapter compiles each shader once.
            inChromium(
              {
                name: 'chromium: webgpu',
                include: [...onWebGpu, ...onSecondWebGpu, ...(adapter.name ? [] : onFirstWebGpu)],
                ...gpuProject,
              },
              false,
            ),
          ].map((project) => ({ extends: true as const, ...project }))
        : []),
    ],
  },
})
