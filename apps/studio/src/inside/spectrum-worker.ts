import { singularValues } from './spectrum'

// Large matrices take seconds, during which the page must stay responsive.
addEventListener('message', ({ data }: MessageEvent<{ values: Float32Array; n: number }>) => {
  postMessage(singularValues(data.values, data.n))
})
