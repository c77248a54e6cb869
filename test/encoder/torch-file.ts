/** Writers of zip files and pickle programs that may say anything, true or not. */

const encoder = new TextEncoder()

export interface ZipPart {
  readonly name: string
  readonly packed: Uint8Array
  /** 0 stored, 8 deflated; default 0. */
  readonly method?: number
  /** The unpacked size that the directory claims; default the length of `packed`. */
  readonly size?: number
  /** Bit 0 says encrypted; default 0. */
  readonly flags?: number
  /** Of the unpacked content; default 0. */
  readonly crc32?: number
}

/** A zip file with sizes and places in 64 bits where `wide` is set. */
export function zipOf(parts: readonly ZipPart[], wide = false): Uint8Array {
  const chunks: Uint8Array[] = []
  let length = 0
  const add = (bytes: Uint8Array): void => {
    chunks.push(bytes)
    length += bytes.length
  }
  const offsets = parts.map(part => {
    const offset = length
    add(fields([0x04034b50, 4], [20, 2], [part.flags ?? 0, 2], [part.method ?? 0, 2], [0, 16]))
    add(fields([encoder.encode(part.name).length, 2], [0, 2]))
    add(encoder.encode(part.name))
    add(part.packed)
    return offset
  })
  const start = length
  for (const [i, part] of parts.entries()) {
    const { name, packed, method = 0, size = packed.length, flags = 0, crc32 = 0 } = part
    const far = (value: number): [number, number] => [wide ? 0xffff_ffff : value, 4]
    const extra = wide
      ? fields([9, 2], [0, 2], [1, 2], [24, 2], [size, 8], [packed.length, 8], [offsets[i]!, 8])
      : new Uint8Array(0)
    add(fields([0x02014b50, 4], [20, 2], [20, 2], [flags, 2], [method, 2], [0, 4], [crc32, 4]))
    add(fields(far(packed.length), far(size), [encoder.encode(name).length, 2]))
    add(fields([extra.length, 2], [0, 10], far(offsets[i]!)))
    add(encoder.encode(name))
    add(extra)
  }
  const end = length
  const count = parts.length
  if (wide) {
    add(fields([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 8], [count, 8], [count, 8]))
    add(fields([end - start, 8], [start, 8], [0x07064b50, 4], [0, 4], [end, 8], [1, 4]))
  }
  add(fields([0x06054b50, 4], [0, 4], [wide ? 0xffff : count, 2], [wide ? 0xffff : count, 2]))
  add(fields([end - start, 4], [wide ? 0xffff_ffff : start, 4], [0, 2]))
  return join(chunks)
}

/** A file of `torch.save`: a pickle program and storages by their keys. */
export function torchFile(
  program: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  byteOrder?: string
): Uint8Array {
  const parts = [{ name: 'archive/data.pkl', packed: program }]
  if (byteOrder !== undefined) {
    parts.push({ name: 'archive/byteorder', packed: encoder.encode(byteOrder) })
  }
  for (const [key, packed] of Object.entries(storages)) {
    parts.push({ name: `archive/data/${key}`, packed })
  }
  return zipOf(parts)
}

/** A byte, or several. */
export type Code = number | Uint8Array

/** Opcodes and operands one after the other; numbers are bytes. */
export function program(...code: readonly Code[]): Uint8Array {
  return join(code.map(one => (typeof one === 'number' ? Uint8Array.of(one) : one)))
}

/** BINUNICODE. */
export function text(value: string): Uint8Array {
  const bytes = encoder.encode(value)
  return program(0x58, fields([bytes.length, 4]), bytes)
}

/** BININT: the low 32 bits, signed. */
export function int(value: number): Uint8Array {
  return program(0x4a, fields([value >>> 0, 4]))
}

/** GLOBAL of `module name`. */
export function global(name: string): Uint8Array {
  return program(0x63, encoder.encode(`${name.replace(' ', '\n')}\n`))
}

/** MARK … TUPLE. */
export function tuple(...items: readonly Uint8Array[]): Uint8Array {
  return program(0x28, ...items, 0x74)
}

export const NONE: Uint8Array = Uint8Array.of(0x4e)
export const REDUCE = 0x52
export const STOP = 0x2e

/** A persistent id of a storage. */
export function storage(type: string, key: string, numElements: number): Uint8Array {
  return program(
    tuple(text('storage'), global(type), text(key), text('cpu'), int(numElements)),
    0x51
  )
}

/** A call of `_rebuild_tensor_v2`. */
export function tensor(
  from: Uint8Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[]
): Uint8Array {
  const hooks = program(global('collections OrderedDict'), 0x29, REDUCE)
  const no = Uint8Array.of(0x89)
  const args = tuple(
    from,
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    no,
    hooks
  )
  return program(global('torch._utils _rebuild_tensor_v2'), args, REDUCE)
}

/** A whole program that makes a dictionary. */
export function dictionary(items: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const pairs = Object.entries(items).flatMap(([key, value]) => [text(key), value])
  return program(0x80, 2, 0x7d, 0x28, ...pairs, 0x75, STOP)
}

/** Little-endian numbers, each with its number of bytes. */
function fields(...values: readonly (readonly [number, number])[]): Uint8Array {
  const bytes: number[] = []
  for (const [value, size] of values) {
    for (let i = 0; i < size; i++) bytes.push(Number((BigInt(value) >> BigInt(8 * i)) & 255n))
  }
  return Uint8Array.from(bytes)
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    joined.set(chunk, at)
    at += chunk.length
  }
  return joined
}
