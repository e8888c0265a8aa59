// The program of a pool's thread in a browser. scripts/build.mjs bundles it into one script, which is kept as text,
// because users' bundlers would need configuration to include a file.
import { serve, type WorkerTask } from '../platform.js'

globalThis.onmessage = ({ data }: MessageEvent<WorkerTask>) => serve(data, () => undefined)
