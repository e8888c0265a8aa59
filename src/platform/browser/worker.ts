// What a thread of the pool runs in a browser. scripts/build.mjs makes one script of it, which is kept as text: bundlers
// would have to be told of a file.
import { serve, type WorkerTask } from '../platform.js'

globalThis.onmessage = ({ data }: MessageEvent<WorkerTask>) => serve(data, () => undefined)
