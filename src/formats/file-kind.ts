/** The kinds of files with weights or models, as messages name them. */
export type FileKind = '.keras' | '.h5 of Keras' | 'model.json of TensorFlow.js' | 'safetensors' | 'torch.save' | 'ONNX'

/** Whether bytes begin like a zip. */
export const isZip = ([a, b, c, d]: Uint8Array): boolean => a === 0x50 && b === 0x4b && c === 3 && d === 4

/** Whether a file begins with a pickle of protocol 2 or later. */
export const isPickle = ([proto, protocol]: Uint8Array): boolean => proto === 0x80 && protocol >= 2 && protocol <= 5

/** Bytes as text with one character each. */
export const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** How each kind is recognized by the first bytes of a file and by its name. The first kind that fits counts. */
const kinds: Readonly<Record<FileKind, (head: Uint8Array, name: string) => boolean>> = {
  // A zip whose first file, by its name after the 30 bytes of a header, is one that Keras writes.
  '.keras': (head, name) =>
    isZip(head) &&
    (name.toLowerCase().endsWith('.keras') ||
      /^(metadata|config)\.json|^model\.weights\.h5/.test(textOf(head.subarray(30)))),
  '.h5 of Keras': (head) => textOf(head).startsWith('\x89HDF\r\n\x1a\n'),
  // Unlike JSON, the length at the beginning of safetensors ends with zeros.
  'model.json of TensorFlow.js': (head) => /^(\xef\xbb\xbf)?\s*\{[^\0]*$/.test(textOf(head)),
  // A header is JSON, after its length of 8 bytes.
  safetensors: (head) => head[8] === 0x7b,
  'torch.save': (head) => isZip(head) || isPickle(head),
  // The first field of the message is the version of the format, by the name of the file or by its first byte.
  ONNX: ([first], name) => name.toLowerCase().endsWith('.onnx') || first === 0x08,
}

export const fileKinds = Object.keys(kinds) as readonly FileKind[]

/** How many of a file's first bytes tell its kind. */
export const HEAD = 64

/** What a file is, by its first bytes and its name; undefined for an unknown kind. */
export const kindOfFile = (head: Uint8Array, name: string): FileKind | undefined =>
  fileKinds.find((kind) => kinds[kind](head, name))
