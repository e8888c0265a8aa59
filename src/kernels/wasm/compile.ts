import { platform } from '#platform'
import { checkWord } from '../../core/check.js'
import { OptionError } from '../../core/errors.js'
import type { BlasFiles, Sgemm } from '../../platform/platform.js'
import { plain, relaxed, short } from './binary.js'
import { type KernelExports, type Simd, simds } from './exports.js'
import type { MatrixFormat } from './layout.js'
import { LinearMemory } from './linear-memory.js'
import { Pool } from './pool.js'
import { decodePrintable } from './printable.js'
import { Residents } from './resident.js'
import { Teams } from './teams.js'

/** The kernels' code together with the memory it works on, and the threads that share it. */
export interface Engine {
  simd: Simd
  /** Whether the kernels have everything: those of pages and of plain SIMD lack what few need (assembly/constants.ts). */
  whole: boolean
  shape: MatrixFormat
  code: KernelExports
  memory: LinearMemory
  /** Parameters and other values that live long. */
  residents: Residents
  pool: Pool
  teams: Teams
}

export interface EngineOptions {
  /** Default: the fastest that the engine has. */
  simd?: Simd
  /** Threads that work, this one included. Default: the machine's, up to 8; 1 where memory cannot be shared. */
  threads?: number
  /** Binds the matrix products to those of a BLAS, and tells workers where it is. */
  blas?: { files: BlasFiles; bind(memory: WebAssembly.Memory): Sgemm }
}

const MOST_THREADS = 8

/** The import of the memory, as far as the flags of its limits: 3 asks for shared memory, 1 for memory of its own. */
const memoryImport = [...new TextEncoder().encode('memory'), 2, 3]

/** The same code for memory that is not shared. */
function unshare(binary: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = binary.findIndex((_, start) => memoryImport.every((byte, i) => binary[start + i] === byte))
  binary[at + memoryImport.length - 1] = 1
  return binary
}

/** Compiles the kernels, with fused multiply-add where the engine has it; takes a few milliseconds. */
export function loadEngine({
  simd,
  threads = Math.min(platform.processors(), MOST_THREADS),
  blas,
}: EngineOptions = {}): Engine {
  const memory = new LinearMemory(platform.hasThreads())
  const prepare = (text: string) => {
    const binary = decodePrintable(text, short)
    return memory.shared ? binary : unshare(binary)
  }
  const { chosen, binary } = choose(simd, prepare)
  const module = new WebAssembly.Module(binary)
  // Memory that is not shared may move as it grows, and a BLAS would not notice.
  const library = memory.shared ? blas : undefined
  const sgemm = library?.bind(memory.memory) ?? (() => undefined)
  const { exports } = new WebAssembly.Instance(module, { env: { memory: memory.memory, sgemm } })
  const code = exports as unknown as KernelExports
  memory.startAt(code.FREE.value)
  const panel = code.PANEL.value
  const shape: MatrixFormat = { width: library ? 1 : panel, panel, threads: memory.shared ? threads : 1 }
  const pool = new Pool(code, memory, module, shape.threads, library?.files)
  return {
    simd: chosen,
    whole: chosen !== 'simd' && platform.kernels !== undefined,
    shape,
    code,
    memory,
    residents: new Residents(memory),
    pool,
    teams: new Teams(pool),
  }
}

/**
 * The kernels for the vectors that an option or the environment asks for, and otherwise for the widest of the engine.
 * @throws OptionError for vectors that the runtime has no kernels for
 */
function choose(asked: Simd | undefined, prepare: (text: string) => Uint8Array<ArrayBuffer>) {
  const { kernels: whole } = platform
  const simd = asked ?? settingOf(platform.simdSetting())
  if (simd !== 'simd') platform.allowRelaxedSimd()
  const merges = (simd ?? 'simd-256') === 'simd-256' && platform.mergeVectors()
  // Whoever asks for these gets them, even if the engine does not merge vectors: the bits are the same.
  if (simd === 'simd-256' || merges) {
    if (whole === undefined) {
      throw new OptionError(`wasmKernels: simd is 'simd-256', which only Node has; expected 'relaxed-simd' or 'simd'`)
    }
    return { chosen: 'simd-256', binary: prepare(whole['simd-256']) } as const
  }
  const fused = prepare(whole?.['relaxed-simd'] ?? relaxed())
  const chosen = simd ?? (WebAssembly.validate(fused) ? 'relaxed-simd' : 'simd')
  return { chosen, binary: chosen === 'simd' ? prepare(plain()) : fused }
}

function settingOf(setting: string | undefined): Simd | undefined {
  if (setting !== undefined) checkWord('kernels', 'the environment variable UNROLLED_SIMD', setting, simds)
  return setting as Simd | undefined
}
