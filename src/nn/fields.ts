/** A tensor or a module in the fields of a module. */
export interface Member<T> {
  /** The field and the keys that lead from it to the value, joined by dots; items of arrays and Sets are numbered. */
  name: string
  value: T
  /** Why `name` cannot be the value's name in a stateDict. */
  fault?: string
}

interface Found {
  name: string
  value: object
  fault?: string
}

/**
 * Objects of other classes that were searched and hold no member. They may be large, so they are searched only once.
 */
const searched = new WeakSet<object>()

/**
 * Finds the members of an object: in its fields, and in the arrays, plain objects, Maps and Sets that they hold.
 * Members inside objects of other classes are found with a fault. Private fields (`#name`) are invisible to all code
 * outside their class.
 */
export function membersOf<T extends object>(owner: object, isMember: (value: object) => value is T): Member<T>[] {
  const found: Member<T>[] = []
  const seen = new Set<object>([owner])
  const foreign: object[] = []
  // An explicit stack instead of recursion can follow chains of thousands of linked objects.
  const waiting = namedEntries(owner, '').reverse()
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const { name, value, fault } = place
    if (isMember(value)) {
      found.push({ name, value, fault })
      continue
    }
    if (seen.has(value) || searched.has(value) || ArrayBuffer.isView(value)) continue
    seen.add(value)
    const inside = contentOf(value, `${name}.`)
    if (!inside) foreign.push(value)
    const entries = inside ?? foreignEntries(value, `${name}.`)
    for (const entry of entries.reverse()) waiting.push({ ...entry, fault: fault ?? entry.fault })
  }
  if (!found.some(({ fault }) => fault)) for (const value of foreign) searched.add(value)
  return found
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The objects in an array, Set, Map or plain object; undefined for an object of another class. */
function contentOf(value: object, prefix: string): Found[] | undefined {
  if (Array.isArray(value) || value instanceof Set) return numberedItems(value, prefix)
  if (value instanceof Map) return mapEntries(value, prefix)
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype ? namedEntries(value, prefix) : undefined
}

function numberedItems(items: Iterable<unknown>, prefix: string): Found[] {
  const places: Found[] = []
  let i = 0
  for (const value of items) {
    if (isObject(value)) places.push({ name: `${prefix}${i}`, value })
    i++
  }
  return places
}

function mapEntries(map: ReadonlyMap<unknown, unknown>, prefix: string): Found[] {
  return [...map].flatMap(([key, value]): Found[] => {
    const places: Found[] = []
    const name = `${prefix}${isObject(key) ? '…' : String(key)}`
    if (isObject(key)) places.push({ name, value: key, fault: 'it is a key of a Map, expected a value' })
    const isName = typeof key === 'string' || typeof key === 'number'
    const fault = isName ? keyFault(String(key)) : 'its key in the Map is not a string or number, expected one of these'
    if (isObject(value)) places.push({ name, value, fault })
    return places
  })
}

function namedEntries(owner: object, prefix: string): Found[] {
  const places: Found[] = []
  for (const [key, value] of Object.entries(owner)) {
    if (isObject(value)) places.push({ name: `${prefix}${key}`, value, fault: keyFault(key) })
  }
  for (const key of Object.getOwnPropertySymbols(owner)) {
    const value = (owner as Record<symbol, unknown>)[key]
    if (isObject(value)) {
      places.push({ name: `${prefix}${String(key)}`, value, fault: 'its key is a symbol, expected a string' })
    }
  }
  return places
}

/** The fields of an object of another class, without running its getters. */
function foreignEntries(owner: object, prefix: string): Found[] {
  const fault =
    'the class of the object that holds it does not extend Module; make it extend Module, or use an array or a plain object'
  return Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(([key, { value }]) =>
    isObject(value) ? [{ name: `${prefix}${key}`, value, fault }] : [],
  )
}

function keyFault(key: string): string | undefined {
  if (key === '') return 'its key is empty, expected a name'
  return key.includes('.')
    ? 'its key has a dot, which joins names in a stateDict, expected a name without dots'
    : undefined
}
