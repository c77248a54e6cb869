import { EsplanadeError } from '../errors.ts'

/**
 * Runs the part of Python's pickle language, protocol 2, that a dictionary of tensors is written in.
 *
 * A pickle is a program for a stack machine, and the full language can import any function and call
 * it: loading one is running it. This machine has no way to do so. `GLOBAL` looks up a name in a
 * table that its caller gives and refuses any other; the opcodes below are all there are; values are
 * plain data; nothing is looked up in an object of this language. So a hostile program can at worst
 * compute a wrong dictionary, and a bounded one: each opcode makes at most one value, and both the
 * length of the program and the number of its steps are limited. No opcode runs another, so nesting
 * takes no stack of ours.
 *
 * Source: `Lib/pickletools.py` of CPython, which describes each opcode. PyTorch reads with
 * `weights_only` by the same idea (`torch/_weights_only_unpickler.py`), with more opcodes.
 */

/** A tensor takes about 45 steps and 130 bytes, so this is room for 20,000 of them. */
const MAX_STEPS = 2 ** 20
export const MAX_PICKLE_BYTES: number = 2 ** 23
const MAX_NAME_BYTES = 256

/** A value that a program has made; tuples are arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | readonly PickleValue[]
  | PickleDictionary
  | PickleGlobal
  | PickleObject

export type PickleDictionary = Map<string | number, PickleValue>

/** What a name of a module stands for; without `call` it is a mere value. */
export class PickleGlobal {
  readonly name: string
  /** The value of calling it; undefined where the arguments make no sense. */
  readonly call: ((args: readonly PickleValue[]) => PickleValue | undefined) | undefined

  constructor(name: string, call?: (args: readonly PickleValue[]) => PickleValue | undefined) {
    this.name = name
    this.call = call
  }
}

/** Something that the caller's functions make, opaque to the program. */
export abstract class PickleObject {
  abstract readonly kind: string
}

/** What a program may refer to outside itself. */
export interface PickleWorld {
  /** By module and name with a space between: `collections OrderedDict`. */
  readonly globals: ReadonlyMap<string, PickleGlobal>
  /** The object of a persistent id; undefined where the id makes no sense. */
  persistent(id: PickleValue): PickleObject | undefined
}

/**
 * The value that a pickle program computes.
 *
 * @param place - what to call the file in errors
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for an opcode or a global that is not on the list, by
 * name; `MODEL_FILE_INVALID` for a program that cannot be run; what `world` throws
 */
export function unpickle(bytes: Uint8Array, place: string, world: PickleWorld): PickleValue {
  if (bytes.length > MAX_PICKLE_BYTES) {
    throw invalid(place, `the pickle has ${bytes.length} bytes`, `at most ${MAX_PICKLE_BYTES}`)
  }
  return new Machine(bytes, place, world).run()
}

class Machine {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #place: string
  readonly #world: PickleWorld
  readonly #stack: PickleValue[] = []
  /** Heights of the stack that MARK has kept. */
  readonly #marks: number[] = []
  readonly #memo = new Map<number, PickleValue>()
  /** The next byte to read, and the opcode that is being run. */
  #next = 0
  #at = 0

  constructor(bytes: Uint8Array, place: string, world: PickleWorld) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#place = place
    this.#world = world
  }

  run(): PickleValue {
    for (let step = 0; step < MAX_STEPS; step++) {
      this.#at = this.#next
      const opcode = this.#view.getUint8(this.#take(1))
      if (opcode !== STOP) {
        const made = this.#step(opcode)
        if (made !== undefined) this.#stack.push(made)
        continue
      }
      const value = this.#pop()
      if (this.#stack.length > 0 || this.#marks.length > 0) {
        throw this.#invalid('the program ends with values left over')
      }
      if (this.#next !== this.#bytes.length) throw this.#invalid('bytes follow the program’s end')
      return value
    }
    throw this.#invalid(`the program takes more than ${MAX_STEPS} steps`)
  }

  /** Runs one opcode and gives the value that it makes, if it makes one. */
  #step(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case 0x80: // PROTO
        return this.#requireProtocol()
      case 0x28: // MARK
        return this.#mark()
      case 0x4e: // NONE
        return null
      case 0x88: // NEWTRUE
        return true
      case 0x89: // NEWFALSE
        return false
      case 0x4a: // BININT
        return this.#view.getInt32(this.#take(4), true)
      case 0x4b: // BININT1
        return this.#view.getUint8(this.#take(1))
      case 0x4d: // BININT2
        return this.#view.getUint16(this.#take(2), true)
      case 0x58: // BINUNICODE
        return this.#text()
      case 0x29: // EMPTY_TUPLE
        return []
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#popAbove(this.#stack.length - (opcode - 0x84))
      case 0x74: // TUPLE
        return this.#popToMark()
      case 0x7d: // EMPTY_DICT
        return new Map()
      case 0x73: // SETITEM
        return this.#setItems(this.#popAbove(this.#stack.length - 2))
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark())
      case 0x71: // BINPUT
        return this.#put(this.#view.getUint8(this.#take(1)))
      case 0x72: // LONG_BINPUT
        return this.#put(this.#view.getUint32(this.#take(4), true))
      case 0x68: // BINGET
        return this.#get(this.#view.getUint8(this.#take(1)))
      case 0x6a: // LONG_BINGET
        return this.#get(this.#view.getUint32(this.#take(4), true))
      case 0x63: // GLOBAL
        return this.#global()
      case 0x52: // REDUCE
        return this.#call()
      case 0x51: // BINPERSID
        return this.#persistent()
      case 0x62: // BUILD
        return this.#build()
      default:
        throw this.#refused(`the opcode ${opcodeName(opcode)}`)
    }
  }

  /** Where the next `length` bytes start, which are then behind. */
  #take(length: number): number {
    const start = this.#next
    if (start + length > this.#bytes.length) throw this.#invalid('the program is cut short')
    this.#next = start + length
    return start
  }

  /** The lowest place of the stack that an opcode may take: nothing goes below a mark. */
  get #floor(): number {
    return this.#marks.at(-1) ?? 0
  }

  #pop(): PickleValue {
    return this.#popAbove(this.#stack.length - 1)[0]!
  }

  #top(): PickleValue {
    if (this.#stack.length <= this.#floor) throw this.#invalid('the stack is empty')
    return this.#stack.at(-1)!
  }

  #popAbove(height: number): PickleValue[] {
    if (height < this.#floor) throw this.#invalid('the stack is empty')
    return this.#stack.splice(height)
  }

  #popToMark(): PickleValue[] {
    const height = this.#marks.pop()
    if (height === undefined) throw this.#invalid('there is no mark')
    return this.#stack.splice(height)
  }

  #mark(): undefined {
    this.#marks.push(this.#stack.length)
  }

  #requireProtocol(): undefined {
    const protocol = this.#view.getUint8(this.#take(1))
    if (protocol !== 2) throw this.#refused(`pickle protocol ${protocol}`)
  }

  #text(): string {
    const length = this.#view.getUint32(this.#take(4), true)
    return this.#decode(this.#take(length), length)
  }

  #decode(start: number, length: number): string {
    try {
      return UTF8.decode(this.#bytes.subarray(start, start + length))
    } catch {
      throw this.#invalid('a string is not UTF-8')
    }
  }

  #put(index: number): undefined {
    this.#memo.set(index, this.#top())
  }

  #get(index: number): PickleValue {
    const value = this.#memo.get(index)
    if (value === undefined) throw this.#invalid(`nothing was kept as number ${index}`)
    return value
  }

  #setItems(items: readonly PickleValue[]): undefined {
    const dictionary = this.#top()
    if (!(dictionary instanceof Map) || items.length % 2 !== 0) {
      throw this.#invalid('items are set on what is no dictionary')
    }
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw this.#invalid('a key of a dictionary is neither a string nor a number')
      }
      dictionary.set(key, items[i + 1]!)
    }
  }

  #global(): PickleValue {
    const name = `${this.#line()} ${this.#line()}`
    const found = this.#world.globals.get(name)
    if (found === undefined) throw this.#refused(`the global ${JSON.stringify(name)}`)
    return found
  }

  #line(): string {
    const start = this.#next
    const end = this.#bytes.subarray(start, start + MAX_NAME_BYTES).indexOf(0x0a)
    if (end < 0) throw this.#invalid('a name of a module does not end')
    this.#next = start + end + 1
    return this.#decode(start, end)
  }

  #call(): PickleValue {
    const args = this.#pop()
    const callee = this.#pop()
    if (!(callee instanceof PickleGlobal) || callee.call === undefined || !Array.isArray(args)) {
      throw this.#invalid('something is called that is no function')
    }
    const value = callee.call(args)
    if (value === undefined) throw this.#invalid(`the arguments of ${callee.name} make no sense`)
    return value
  }

  #persistent(): PickleValue {
    const value = this.#world.persistent(this.#pop())
    if (value === undefined) throw this.#invalid('a storage is not described as torch does it')
    return value
  }

  /** Attributes of a dictionary are the versions of the modules: checked, then dropped. */
  #build(): undefined {
    const state = this.#pop()
    if (!(this.#top() instanceof Map && state instanceof Map)) {
      throw this.#invalid('attributes are set on what is no dictionary')
    }
  }

  #invalid(problem: string): EsplanadeError {
    return invalid(this.#place, `${problem} (byte ${this.#at} of the pickle)`)
  }

  #refused(what: string): EsplanadeError {
    return new EsplanadeError('MODEL_UNSUPPORTED', {
      place: this.#place,
      problem: `${what} at byte ${this.#at} of the pickle is not read`,
      expected: 'a dictionary of tensors and nothing else, as torch.save writes a state_dict()',
      remedy: CONVERT
    })
  }
}

/** What to do with a file that only Python can read. */
export const CONVERT: string =
  'Convert the model to safetensors: in Python, load it with transformers and call ' +
  'save_pretrained; do so only if you trust the file, since loading it may run code in it'

function invalid(place: string, problem: string, expected?: string): EsplanadeError {
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem,
    expected,
    remedy: 'Fetch the file again; it is damaged or no checkpoint of PyTorch'
  })
}

const STOP = 0x2e
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The opcodes of all protocols that are not run, so that a message can name them. */
const REFUSED_OPCODES: ReadonlyMap<number, string> = new Map([
  [0x30, 'POP'],
  [0x31, 'POP_MARK'],
  [0x32, 'DUP'],
  [0x42, 'BINBYTES'],
  [0x43, 'SHORT_BINBYTES'],
  [0x46, 'FLOAT'],
  [0x47, 'BINFLOAT'],
  [0x49, 'INT'],
  [0x4c, 'LONG'],
  [0x50, 'PERSID'],
  [0x53, 'STRING'],
  [0x54, 'BINSTRING'],
  [0x55, 'SHORT_BINSTRING'],
  [0x56, 'UNICODE'],
  [0x5d, 'EMPTY_LIST'],
  [0x61, 'APPEND'],
  [0x64, 'DICT'],
  [0x65, 'APPENDS'],
  [0x67, 'GET'],
  [0x69, 'INST'],
  [0x6c, 'LIST'],
  [0x6f, 'OBJ'],
  [0x70, 'PUT'],
  [0x81, 'NEWOBJ'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x8a, 'LONG1'],
  [0x8b, 'LONG4'],
  [0x8c, 'SHORT_BINUNICODE'],
  [0x8d, 'BINUNICODE8'],
  [0x8e, 'BINBYTES8'],
  [0x8f, 'EMPTY_SET'],
  [0x90, 'ADDITEMS'],
  [0x91, 'FROZENSET'],
  [0x92, 'NEWOBJ_EX'],
  [0x93, 'STACK_GLOBAL'],
  [0x94, 'MEMOIZE'],
  [0x95, 'FRAME'],
  [0x96, 'BYTEARRAY8'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER']
])

function opcodeName(opcode: number): string {
  return REFUSED_OPCODES.get(opcode) ?? `0x${opcode.toString(16).padStart(2, '0')}`
}
