/** The formats of other frameworks that models are written in, with the ending of a file's name if each is one file. */
export const exportFormats = {
  safetensors: '.safetensors',
  onnx: '.onnx',
  keras: '.keras',
  tfjs: undefined,
} as const satisfies Record<string, string | undefined>

/** A format of another framework that models are written in. */
export type ExportFormat = keyof typeof exportFormats
