import { DataError, FormatError, OptionError } from '../core/errors.js'
import { Module } from '../nn/module.js'
import { checkNoneHidden } from '../tensor/listings.js'
import { asTensors, inMemoryOf } from '../tensor/saved-tensors.js'
import type { Tensor } from '../tensor/tensor.js'
import { HEAD, isZip, kindOfFile } from './file-kind.js'
import { valuesProblem } from './model-config.js'
import { decodeSafetensors, encodeSafetensors, type TensorValues } from './safetensors.js'

/**
 * Encodes the parameters of any module as the bytes of a .safetensors file, under PyTorch's names. A parameter that
 * several modules share is written once, under its first name, as PyTorch's `safetensors.torch.save_model` does.
 * @throws OptionError for anything but a module with parameters, DataError if a value is not a finite number
 */
export async function encodeStateDict(module: Module): Promise<Uint8Array> {
  checkModule('encodeStateDict', module)
  return encodeModule('encodeStateDict', module)
}

/**
 * Decodes the tensors of a .safetensors file by name, for `module.loadStateDict`.
 * @throws FormatError for a truncated or forged file, or if a value is not a finite number
 */
export function decodeStateDict(bytes: Uint8Array): Record<string, Tensor> {
  if (!(bytes instanceof Uint8Array)) {
    throw new OptionError(
      'decodeStateDict: the argument is not a Uint8Array, expected the bytes of a .safetensors file',
    )
  }
  refuseOther(bytes.subarray(0, HEAD), 'decodeStateDict')
  return asTensors(checkValues(decodeSafetensors(bytes, 'decodeStateDict').tensors, 'decodeStateDict'))
}

/**
 * @param head the first bytes of a file
 * @param where the function or file, for messages
 * @throws FormatError that says what the file is and what reads it, if it has weights in another format
 */
export function refuseOther(head: Uint8Array, where: string): void {
  const kind = kindOfFile(head, where)
  if (kind === undefined || kind === 'safetensors') return
  const what = isZip(head) && kind === 'torch.save' ? 'a zip, such as torch.save writes' : `of the format ${kind}`
  throw new FormatError(
    `${where}: it is ${what}, expected safetensors; importTensors of unrolled/formats reads its weights, and unrolled import writes them as safetensors (--out weights.safetensors)`,
  )
}

/** @throws OptionError for anything but a module */
export function checkModule(where: string, module: unknown): void {
  if (module instanceof Module) return
  throw new OptionError(`${where}: the module is not a Module, expected an object whose class extends Module`)
}

/** @param where the function, for messages */
export async function encodeModule(where: string, module: Module): Promise<Uint8Array> {
  const tensors = await inMemoryOf(module.stateDict())
  if (Object.keys(tensors).length === 0) {
    throw new OptionError(
      `${where}: the module has no parameters, expected at least one; layers in private fields (#name) are not found`,
    )
  }
  checkNoneHidden(where, module.parameters())
  const problem = valuesProblem(tensors)
  if (problem) {
    throw new DataError(
      `${where}: ${problem}; nothing was saved, because the module diverged; train it again with a smaller learning rate`,
    )
  }
  return encodeSafetensors(tensors, { format: 'pt' })
}

/**
 * @param tensors the tensors that were read
 * @param where the function or file, for messages
 */
export function checkValues(
  tensors: Readonly<Record<string, TensorValues>>,
  where: string,
): Readonly<Record<string, TensorValues>> {
  const problem = valuesProblem(tensors)
  if (problem) throw new FormatError(`${where}: ${problem}`)
  return tensors
}
