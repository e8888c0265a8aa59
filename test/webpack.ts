import type { Configuration } from 'webpack'

/** Bundles with webpack. @throws its errors */
export async function webpacked(configuration: Configuration): Promise<void> {
  const { default: webpack } = await import('webpack')
  const compiler = webpack(configuration)
  await new Promise<void>((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close(() => undefined)
      if (error || stats?.hasErrors()) reject(error ?? new Error(stats!.toString('errors-only')))
      else resolve()
    })
  })
}
