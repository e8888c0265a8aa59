import { describe } from '../../core/describe.js'
import type { Fail } from './pickle.js'
import { StoredTensor } from './torch-pickle.js'

type StateDict = ReadonlyMap<string, StoredTensor>

/** Finds the state dict in what a file of `torch.save` holds: all of it, or one entry of a checkpoint or of a dictionary in it. */
export function stateDictOf(root: unknown, fail: Fail): { tensors: StateDict; found: string[] } {
  if (isStateDict(root)) return { tensors: checkNames(root, fail), found: [] }
  if (!(root instanceof Map)) {
    const what = root instanceof StoredTensor ? 'one tensor' : describe(root)
    return fail(`it holds ${what}, expected a state dict: model.state_dict()`)
  }
  const dicts = dictsIn(root)
  if (dicts.length === 1) {
    const [{ path, value }] = dicts
    const place = path.map(shown).reverse().join(' in ')
    return { tensors: checkNames(value as StateDict, fail), found: [`The state dict is ${place} of a checkpoint.`] }
  }
  const keys = [...root.keys()].slice(0, 8).map(shown).join(', ')
  const more = root.size > 8 ? `, and ${root.size - 8} more` : ''
  return fail(
    `${dicts.length === 0 ? 'no state dict is' : `${dicts.length} state dicts are`} among its entries ${keys || '(none)'}${more}, expected one; save it by itself in PyTorch: torch.save(checkpoint[…], …)`,
  )
}

/** A dictionary within others, with the keys that lead to it. */
interface Entry {
  path: readonly string[]
  value: ReadonlyMap<unknown, unknown>
}

/** Dictionaries in a checkpoint are nested this deep at most. */
const DEEPEST = 4

/**
 * The state dicts that are nested least deeply. The states of an optimizer have numbers as their keys, and are passed over.
 * Each dictionary is looked at once: a forged file may hold one many times, and in itself.
 */
function dictsIn(root: ReadonlyMap<unknown, unknown>): Entry[] {
  const seen = new Set([root])
  let level: Entry[] = [{ path: [], value: root }]
  for (let depth = 0; depth < DEEPEST; depth++) {
    const next: Entry[] = []
    for (const { path, value } of level) {
      for (const [key, part] of value) {
        if (typeof key !== 'string' || !(part instanceof Map) || seen.has(part)) continue
        seen.add(part)
        next.push({ path: [...path, key], value: part })
      }
    }
    const found = next.filter(({ value }) => isStateDict(value))
    if (found.length > 0) return found
    level = next
  }
  return []
}

const shown = (key: unknown): string => (typeof key === 'string' ? JSON.stringify(key.slice(0, 60)) : describe(key))

/** Whether all of a dictionary is tensors by name. */
function isStateDict(value: unknown): value is StateDict {
  if (!(value instanceof Map) || value.size === 0) return false
  for (const [name, tensor] of value) if (typeof name !== 'string' || !(tensor instanceof StoredTensor)) return false
  return true
}

function checkNames(tensors: StateDict, fail: Fail): StateDict {
  // JavaScript's objects have it already.
  if (tensors.has('__proto__')) fail('a tensor has the name __proto__, expected the name of a parameter')
  return tensors
}
