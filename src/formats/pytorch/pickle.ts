import { describe } from '../../core/describe.js'

/** Reports what is wrong with a file. */
export type Fail = (problem: string) => never

/** What stands in place of a function or class of Python's: this library's own function, which runs nothing of the file. */
export type Callable = (args: readonly unknown[]) => unknown

/** What a pickle may contain besides numbers, strings, lists and dictionaries. */
export interface Allowed {
  /** Functions and classes, by module and name with a space between; undefined for values that nobody may call. */
  globals: ReadonlyMap<string, Callable | undefined>
  /** What a persistent id stands for. */
  persistent: (id: unknown) => unknown
}

/** A function, class or constant of Python's in a pickle. It is only its name, unless it may be called. */
export class Global {
  constructor(
    readonly name: string,
    readonly call: Callable | undefined,
  ) {}
}

/** The most bytes and opcodes of a pickle: every object of it takes one or more. A tensor takes about 25. */
export const MOST_BYTES = 2 ** 26
const MOST_OPCODES = 2 ** 20

/**
 * Reads a pickle of protocols 2 to 5 without running any of it: of Python's 68 opcodes, the 35 that tensors, numbers,
 * strings, lists and dictionaries are written with, and of functions and classes only the `allowed` ones. All else is
 * refused. Dictionaries become Maps, lists arrays, and tuples frozen arrays; what a pickle names twice is one object, so
 * time and memory grow only with its length.
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py, the description of all opcodes
 */
export function unpickle(bytes: Uint8Array, allowed: Allowed, fail: Fail): unknown {
  if (bytes.length > MOST_BYTES) fail(`the pickle has ${bytes.length} bytes, expected at most ${MOST_BYTES}`)
  return new Unpickler(bytes, allowed, fail).run()
}

class Unpickler {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #allowed: Allowed
  readonly #fail: Fail
  readonly #stack: unknown[] = []
  /** The lengths of the stack at the marks. */
  readonly #marks: number[] = []
  readonly #memo = new Map<number, unknown>()
  #at = 0

  /** Opcodes that put an object on the stack. */
  readonly #makes = new Map<number, () => unknown>([
    [0x4e, () => null], // NONE
    [0x88, () => true], // NEWTRUE
    [0x89, () => false], // NEWFALSE
    [0x4a, () => this.#number(4) | 0], // BININT
    [0x4b, () => this.#number(1)], // BININT1
    [0x4d, () => this.#number(2)], // BININT2
    [0x8a, () => this.#signed(this.#number(1))], // LONG1
    [0x47, () => this.#view.getFloat64(this.#take(8))], // BINFLOAT
    [0x58, () => this.#text(this.#number(4))], // BINUNICODE
    [0x8c, () => this.#text(this.#number(1))], // SHORT_BINUNICODE
    [0x5d, () => []], // EMPTY_LIST
    [0x7d, () => new Map()], // EMPTY_DICT
    [0x29, () => Object.freeze([])], // EMPTY_TUPLE
    [0x85, () => this.#tuple(1)], // TUPLE1
    [0x86, () => this.#tuple(2)], // TUPLE2
    [0x87, () => this.#tuple(3)], // TUPLE3
    [0x74, () => Object.freeze(this.#popToMark())], // TUPLE
    [0x68, () => this.#recall(this.#number(1))], // BINGET
    [0x6a, () => this.#recall(this.#number(4))], // LONG_BINGET
    [0x63, () => this.#global(this.#line(), this.#line())], // GLOBAL
    [0x93, () => this.#stackGlobal()], // STACK_GLOBAL
    [0x52, () => this.#reduce()], // REDUCE
    [0x51, () => this.#allowed.persistent(this.#pop())], // BINPERSID
  ])

  /** All other opcodes but STOP. */
  readonly #acts = new Map<number, () => void>([
    [0x80, () => this.#take(1)], // PROTO, which run() has checked
    [0x95, () => this.#frame()], // FRAME
    [0x28, () => this.#marks.push(this.#stack.length)], // MARK
    [0x61, () => this.#append([this.#pop()])], // APPEND
    [0x65, () => this.#append(this.#popToMark())], // APPENDS
    [0x73, () => this.#setItems([this.#pop(), this.#pop()].reverse())], // SETITEM
    [0x75, () => this.#setItems(this.#popToMark())], // SETITEMS
    [0x71, () => this.#memo.set(this.#number(1), this.#top())], // BINPUT
    [0x72, () => this.#memo.set(this.#number(4), this.#top())], // LONG_BINPUT
    [0x94, () => this.#memo.set(this.#memo.size, this.#top())], // MEMOIZE
    [0x62, () => this.#build()], // BUILD
  ])

  constructor(bytes: Uint8Array, allowed: Allowed, fail: Fail) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#allowed = allowed
    // The place in the pickle helps whoever looks for the cause with Python's pickletools.
    this.#fail = (problem) => fail(`${problem} (byte ${this.#at} of the pickle)`)
  }

  run(): unknown {
    const [first, protocol] = this.#bytes
    if (first !== 0x80 || !(protocol >= 2 && protocol <= 5)) {
      this.#fail('it is no pickle of protocols 2 to 5, expected one, such as torch.save writes')
    }
    for (let count = 0; count < MOST_OPCODES; count++) {
      const opcode = this.#number(1)
      // STOP
      if (opcode === 0x2e) return this.#end()
      this.#step(opcode)
    }
    return this.#fail(`the pickle has more than ${MOST_OPCODES} opcodes, expected at most as many`)
  }

  #end(): unknown {
    const value = this.#pop()
    if (this.#stack.length > 0 || this.#marks.length > 0 || this.#at < this.#bytes.length) {
      this.#fail('the pickle ends with something left over, expected one object')
    }
    return value
  }

  #step(opcode: number): void {
    const make = this.#makes.get(opcode)
    const act = this.#acts.get(opcode)
    if (make) this.#stack.push(make())
    else if (act) act()
    else {
      const shown = opcode.toString(16).padStart(2, '0')
      this.#fail(`the pickle has the opcode 0x${shown}, which tensors do not need, so nothing of it was run`)
    }
  }

  /** Goes on by `length` bytes; returns where they begin. Nothing is allocated before this has checked its length. */
  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) this.#fail(`the pickle ends where ${length} bytes more are expected`)
    this.#at += length
    return at
  }

  /** An unsigned whole number of 1, 2 or 4 bytes. */
  #number(length: 1 | 2 | 4): number {
    const at = this.#take(length)
    if (length === 1) return this.#bytes[at]
    return length === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true)
  }

  /** A frame only says how many bytes may be read at once. */
  #frame(): void {
    const length = Number(this.#view.getBigUint64(this.#take(8), true))
    if (length > this.#bytes.length - this.#at) this.#fail('a frame is longer than the pickle')
  }

  /** A whole number in two's complement, rounded to those that JavaScript has. */
  #signed(length: number): number {
    const at = this.#take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i])
    return Number(BigInt.asIntN(8 * length, value))
  }

  #text(length: number): string {
    const at = this.#take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#bytes.subarray(at, at + length))
    } catch {
      return this.#fail('a string is not UTF-8')
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) this.#fail('a name has no end')
    const text = this.#text(end - this.#at)
    this.#take(1)
    return text
  }

  /** The object on top of the stack; what lies below the last mark is out of reach. */
  #top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#fail('the stack of the pickle is empty')
    return this.#stack.at(-1)
  }

  #pop(): unknown {
    this.#top()
    return this.#stack.pop()
  }

  #popToMark(): unknown[] {
    return this.#stack.splice(this.#marks.pop() ?? this.#fail('the pickle has no mark'))
  }

  #recall(index: number): unknown {
    if (!this.#memo.has(index)) this.#fail(`object ${index} is named before it was made`)
    return this.#memo.get(index)
  }

  #tuple(length: number): readonly unknown[] {
    return Object.freeze(Array.from({ length }, () => this.#pop()).reverse())
  }

  #append(values: readonly unknown[]): void {
    const list = this.#top()
    if (!Array.isArray(list) || Object.isFrozen(list)) {
      this.#fail(`values are appended to ${describe(list)}, expected a list`)
    }
    for (const value of values) list.push(value)
  }

  #setItems(items: readonly unknown[]): void {
    const dictionary = this.#top()
    if (!(dictionary instanceof Map) || items.length % 2 !== 0) {
      this.#fail(`items are set in ${describe(dictionary)}, expected a dictionary, and a value for each key`)
    }
    for (let i = 0; i < items.length; i += 2) {
      if (dictionary.has(items[i])) this.#fail(`a dictionary has ${describe(items[i])} twice, expected each key once`)
      dictionary.set(items[i], items[i + 1])
    }
  }

  #stackGlobal(): Global {
    const [name, module] = [this.#pop(), this.#pop()]
    if (typeof module !== 'string' || typeof name !== 'string') return this.#fail('a name is not a string')
    return this.#global(module, name)
  }

  #global(module: string, name: string): Global {
    const key = `${module} ${name}`
    if (!this.#allowed.globals.has(key)) {
      const shown = JSON.stringify(`${module}.${name}`.slice(0, 80))
      return this.#fail(
        `it names ${shown}, which plain tensors do not need, so nothing of it was run; expected a state dict: in PyTorch, write one with torch.save(model.state_dict(), …)`,
      )
    }
    return new Global(key, this.#allowed.globals.get(key))
  }

  #reduce(): unknown {
    const [args, called] = [this.#pop(), this.#pop()]
    if (!(called instanceof Global) || !called.call || !Array.isArray(args)) {
      const name = called instanceof Global ? called.name.replace(' ', '.') : describe(called)
      return this.#fail(`${name} is called, expected only what makes tensors`)
    }
    return called.call(args)
  }

  /** Attributes of an object. Only dictionaries have any, `_metadata` of a state dict, which is of no use here. */
  #build(): void {
    const [state, object] = [this.#pop(), this.#top()]
    if (!(object instanceof Map && state instanceof Map)) {
      this.#fail(`attributes are set of ${describe(object)}, expected only those of a dictionary`)
    }
  }
}
