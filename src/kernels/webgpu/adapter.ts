/** A GPU's device with what the library wants to know of it. */
export interface Acquired {
  device: GPUDevice
  /** The name of the adapter, to show to people. */
  name: string
  /** Whether the adapter computes on the CPU. */
  software: boolean
  /** Whether shaders may use subgroups and know the number of theirs. */
  subgroups: boolean
  /** Whether the duration of compute passes can be measured. */
  timestamps: boolean
}

/** The limits that shaders profit from where an adapter has more than the least that WebGPU guarantees. */
const wanted = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const satisfies (keyof GPUSupportedLimits)[]

/**
 * Requests the fastest adapter and a device on it, with all of the adapter's limits that matter to the shaders.
 * @param software whether an adapter will do that computes on the CPU
 * @throws Error whose message says why there is none
 */
export async function acquire(gpu: GPU, software: boolean): Promise<Acquired> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new Error('WebGPU has no adapter on this machine')
  const onCpu = adapter.info.isFallbackAdapter
  if (onCpu && !software) {
    throw new Error(
      `the only adapter of WebGPU, ${nameOf(adapter.info)}, computes on the CPU, more slowly than Unrolled's kernels`,
    )
  }
  const features = (['subgroups', 'timestamp-query'] as const).filter((feature) => adapter.features.has(feature))
  const requiredLimits = Object.fromEntries(wanted.map((limit) => [limit, adapter.limits[limit]]))
  const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits })
  return {
    device,
    name: nameOf(adapter.info),
    software: onCpu,
    subgroups: features.includes('subgroups') && gpu.wgslLanguageFeatures.has('subgroup_id'),
    timestamps: features.includes('timestamp-query'),
  }
}

/** What an adapter says about itself: its name, and its driver, which browsers leave out. */
function nameOf({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const name = device || [vendor, architecture].filter(Boolean).join(' ')
  return [name, description].filter(Boolean).join(', ') || 'unnamed adapter'
}
