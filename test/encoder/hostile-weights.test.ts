import { readFileSync } from 'node:fs'
import { constants, deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { ModelFiles } from '../../src/encoder/model-files.ts'
import { readWeights } from '../../src/encoder/read-weights.ts'
import { SafeTensors } from '../../src/encoder/safetensors.ts'
import { TorchWeights } from '../../src/encoder/torch-weights.ts'
import type { WeightsFile } from '../../src/encoder/weights.ts'
import { ZipEntries } from '../../src/encoder/zip-entries.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { dictionary, storage, tensor, torchFile, zipOf } from './torch-file.ts'

/**
 * Files of weights that were damaged or made to do harm. Whatever the bytes are, a model that asks
 * for its tensors gets an error of ours or as many floats as it asked for.
 */

type Open = (bytes: Uint8Array) => WeightsFile

const openTorch: Open = bytes => new TorchWeights(bytes, 'x')
const openSafe: Open = bytes => new SafeTensors(bytes, 'x')

type Shapes = Readonly<Record<string, readonly number[]>>

/** What the model asks for: the names and shapes of the undamaged file. */
const SHAPES: Shapes = { a: [2, 3], b: [3, 2], c: [4] }

const CODES = ['MODEL_FILE_INVALID', 'MODEL_UNSUPPORTED', 'MODEL_MISMATCH']

/** The elements of every tensor that could be read; throws on anything but an error of ours. */
function readAll(
  open: Open,
  bytes: Uint8Array,
  shapes: Shapes = SHAPES
): Map<string, Float32Array> {
  const read = new Map<string, Float32Array>()
  const guarded = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      if (!(error instanceof EsplanadeError && CODES.includes(error.code))) throw error
    }
  }
  guarded(() => {
    const weights = open(bytes)
    for (const [name, shape] of Object.entries(shapes)) {
      guarded(() => {
        const elements = weights.floats(name, shape)
        const numElements = shape.reduce((product, size) => product * size, 1)
        if (!(elements instanceof Float32Array) || elements.length !== numElements) {
          throw new Error(`${name} has ${elements.length} elements`)
        }
        if (String(weights.shapeOf(name)) !== String(shape)) throw new Error(`${name}: shape`)
        read.set(name, elements)
      })
    }
    // Names that the damage made up are no reason to crash either.
    for (const name of weights.names) {
      if (!Object.hasOwn(shapes, name)) {
        guarded(() => void weights.floats(name, weights.shapeOf(name)!))
      }
    }
  })
  return read
}

const float32 = Float32Array.from({ length: 6 }, (_, i) => i + 0.5)
const float16 = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff)
const data = new Uint8Array([
  ...new Uint8Array(float32.buffer),
  ...new Uint8Array(float32.map(x => -x).buffer),
  ...new Uint8Array(float16.buffer)
])

function safetensorsFile(): { bytes: Uint8Array; dataStart: number } {
  const header = new TextEncoder().encode(
    JSON.stringify({
      a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      b: { dtype: 'F32', shape: [3, 2], data_offsets: [24, 48] },
      c: { dtype: 'F16', shape: [4], data_offsets: [48, 56] }
    })
  )
  const bytes = new Uint8Array(8 + header.length + data.length)
  bytes[0] = header.length
  bytes.set(header, 8)
  bytes.set(data, 8 + header.length)
  return { bytes, dataStart: 8 + header.length }
}

const pickle = dictionary({
  a: tensor(storage('torch FloatStorage', '0', 6), 0, [2, 3], [3, 1]),
  b: tensor(storage('torch FloatStorage', '1', 6), 0, [3, 2], [1, 3]),
  c: tensor(storage('torch HalfStorage', '2', 4), 0, [4], [1])
})
const storages = { 0: data.subarray(0, 24), 1: data.subarray(24, 48), 2: data.subarray(48) }

/** Every byte of a range changed, to each of the given values in turn. */
function forEachDamage(
  bytes: Uint8Array,
  [start, end]: readonly [number, number],
  flips: readonly number[],
  check: (damaged: Uint8Array, at: number) => void
): number {
  const damaged = bytes.slice()
  let numCases = 0
  for (let at = start; at < end; at++) {
    for (const flip of flips) {
      damaged[at] = bytes[at]! ^ flip
      check(damaged, at)
      numCases++
    }
    damaged[at] = bytes[at]!
  }
  return numCases
}

const EVERY_VALUE = Array.from({ length: 255 }, (_, i) => i + 1)
const SOME_VALUES = [1, 2, 4, 8, 16, 32, 64, 128, 255, 0x7f, 0x55, 0x11]

describe('every byte changed to every value', () => {
  it('of a safetensors header: an error of ours, or the shapes and types that were asked for', () => {
    const { bytes, dataStart } = safetensorsFile()
    expect(readAll(openSafe, bytes).size).toBe(3)
    const numCases = forEachDamage(bytes, [0, dataStart], EVERY_VALUE, damaged => {
      readAll(openSafe, damaged)
    })
    expect(numCases).toBe(255 * dataStart)
  })

  it('of a pickle program: an error of ours, or the shapes and types that were asked for', () => {
    expect(readAll(openTorch, torchFile(pickle, storages)).size).toBe(3)
    const whole = torchFile(pickle, storages)
    const start = Buffer.from(whole).indexOf(Buffer.from(pickle))
    const range = [start, start + pickle.length] as const
    const numCases = forEachDamage(whole, range, EVERY_VALUE, damaged => {
      readAll(openTorch, damaged)
    })
    expect(numCases).toBe(255 * pickle.length)
  })

  it('of everything in a zip file but the data, to twelve values', () => {
    const whole = torchFile(pickle, storages, 'little')
    forEachDamage(whole, [0, whole.length], SOME_VALUES, damaged => readAll(openTorch, damaged))
  })

  it('of a pickle that PyTorch wrote, views and buffers in it, to twelve values', () => {
    const whole = readFileSync(new URL('../golden/weights/tensors.pt', import.meta.url))
    const start = whole.indexOf(Buffer.from([0x80, 2]))
    const end = whole.indexOf(Buffer.from('PK'), start)
    expect(end - start).toBeGreaterThan(1900)
    const open = openTorch(whole)
    const shapes = Object.fromEntries(open.names.map(name => [name, open.shapeOf(name)!]))
    // All but six buffers of integers and the one tensor that repeats its elements.
    expect(readAll(openTorch, whole, shapes).size).toBe(open.names.length - 7)
    forEachDamage(whole, [start, end], SOME_VALUES, damaged => readAll(openTorch, damaged, shapes))
  })
})

describe('a byte of the data changed', () => {
  const safe = safetensorsFile()
  const torch = torchFile(pickle, storages)
  /** Where the bytes of a tensor's storage lie in the file. */
  const placeOf = (file: Uint8Array, key: 0 | 1 | 2): number =>
    Buffer.from(file).indexOf(Buffer.from(storages[key]))
  const cases: [string, Open, Uint8Array][] = [
    ['safetensors', openSafe, safe.bytes],
    ['torch', openTorch, torch]
  ]
  it.each(cases)('%s: changes its own element and no other', (_, open, bytes) => {
    const before = readAll(open, bytes)
    for (const [key, name, elementBytes] of [
      [0, 'a', 4],
      [1, 'b', 4],
      [2, 'c', 2]
    ] as const) {
      const start = placeOf(bytes, key)
      const range = [start, start + storages[key].length] as const
      forEachDamage(bytes, range, EVERY_VALUE, (damaged, at) => {
        const after = readAll(open, damaged)
        const element = Math.floor((at - start) / elementBytes)
        for (const [other, values] of before) {
          // The columns of b are the rows of its storage, so element 1 is at place 2 of b.
          const own =
            other === 'b' && open === openTorch
              ? (element % 3) * 2 + (element > 2 ? 1 : 0)
              : element
          for (const [i, value] of values.entries()) {
            const same = Object.is(value, after.get(other)![i]!)
            if (same === (other === name && i === own)) throw new Error(`${other}[${i}] at ${at}`)
          }
        }
      })
    }
  })
})

describe('a file cut short', () => {
  it('at any length is an error of ours', () => {
    const files: [Open, Uint8Array][] = [
      [openSafe, safetensorsFile().bytes],
      [openTorch, torchFile(pickle, storages)],
      [openTorch, readFileSync(new URL('../golden/weights/deflated.pt', import.meta.url))]
    ]
    for (const [open, bytes] of files) {
      for (let length = 0; length < bytes.length; length++) {
        expect(() => open(bytes.subarray(0, length)), `${length} bytes`).toThrow(EsplanadeError)
      }
    }
  })

  it('with what follows moved up is an error of ours, or floats', () => {
    const whole = torchFile(pickle, storages)
    for (let at = 0; at < whole.length; at++) {
      const shorter = new Uint8Array([...whole.subarray(0, at), ...whole.subarray(at + 1)])
      readAll(openTorch, shorter)
      readAll(openTorch, new Uint8Array([...whole.subarray(0, at), 0, ...whole.subarray(at)]))
    }
  })
})

/** An error of ours for less than 64 MiB of typed arrays and 5 s of this process's time. */
function expectCheap(run: () => unknown, problem: RegExp): void {
  const before = process.memoryUsage().arrayBuffers
  const start = process.cpuUsage()
  let message = ''
  try {
    run()
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    message = error.message
  }
  expect(message).toMatch(problem)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26)
  expect(process.cpuUsage(start).user).toBeLessThan(5e6)
}

describe('a zip bomb', () => {
  /** 2^26 zeros deflated, without an end, so that the piece can be repeated. */
  const piece = deflateRawSync(new Uint8Array(2 ** 26), {
    finishFlush: constants.Z_SYNC_FLUSH
  })
  const bomb = Buffer.concat([...new Array<Buffer>(128).fill(piece), Buffer.of(3, 0)])
  const file = (name: string, packed: Uint8Array, size: number): Uint8Array =>
    zipOf(
      [
        { name: 'a/data.pkl', packed: dictionary({}) },
        { name, packed, size, method: 8 }
      ],
      true
    )

  it('that says that it unpacks to 2^33 bytes is not unpacked', () => {
    expect(bomb.length).toBeLessThan(2 ** 23 + 2 ** 20)
    const zip = new ZipEntries(file('a/data/0', bomb, 2 ** 33), 'x')
    expectCheap(() => zip.content('a/data/0'), /claims to unpack 8\d+ bytes to 8589934592/)
  })

  it('that says that it unpacks to less is left at the first byte too many', () => {
    const zip = new ZipEntries(file('a/data/0', bomb, 2 ** 20), 'x')
    expectCheap(() => zip.content('a/data/0'), /unpacks to more than 1048576 bytes/)
  })

  it('that says little and is little, but not as little as it says', () => {
    const packed = deflateRawSync(new Uint8Array(1000))
    for (const size of [0, 1, 999]) {
      const zip = new ZipEntries(file('a/data/0', packed, size), 'x')
      expectCheap(() => zip.content('a/data/0'), new RegExp(`unpacks to more than ${size} bytes`))
    }
    const zip = new ZipEntries(file('a/data/0', packed, 1001), 'x')
    expectCheap(() => zip.content('a/data/0'), /unpacks to less than 1001 bytes/)
    const whole = new ZipEntries(file('a/data/0', packed, 1000), 'x')
    expect(whole.content('a/data/0')).toEqual(new Uint8Array(1000))
  })

  it('in the place of the pickle is refused by its size', () => {
    const bytes = zipOf([{ name: 'a/data.pkl', packed: bomb, size: 2 ** 30, method: 8 }])
    expectCheap(() => openTorch(bytes), /entry "a\/data.pkl" has 1073741824 bytes/)
  })

  it('made of stored data that never ends its stream does not go on for ever', () => {
    // The end of a stream, then 32 MiB behind it.
    const packed = new Uint8Array(2 ** 25)
    packed[0] = 3
    const zip = new ZipEntries(file('a/data/0', packed, 2 ** 20), 'x')
    expectCheap(() => zip.content('a/data/0'), /unpacks to less|cannot be unpacked/)
  })
})

describe('a zip file that lies', () => {
  const part = { name: 'a/data.pkl', packed: dictionary({}) }
  const problemOf = (bytes: Uint8Array, name?: string): string => {
    try {
      const zip = new ZipEntries(bytes, 'x')
      if (name !== undefined) zip.content(name)
      return 'none'
    } catch (error) {
      if (error instanceof EsplanadeError) return error.problem
      throw error
    }
  }
  const patched = (bytes: Uint8Array, fromEnd: number, value: number): Uint8Array => {
    const copy = bytes.slice()
    new DataView(copy.buffer).setUint32(copy.length - fromEnd, value, true)
    return copy
  }

  it('about its entries', () => {
    expect(problemOf(zipOf([part, part]))).toBe('the zip has two entries "a/data.pkl"')
    expect(problemOf(zipOf([{ ...part, flags: 1 }]))).toBe('entry "a/data.pkl" is encrypted')
    expect(problemOf(zipOf([{ ...part, method: 12 }]), 'a/data.pkl')).toBe(
      'entry "a/data.pkl" is compressed by method 12'
    )
    expect(problemOf(zipOf([{ ...part, size: 2 ** 33 }], true))).toContain('is stored in')
    expect(problemOf(zipOf([part]), 'b')).toBe('it lacks the entry "b"')
  })

  it('about where its entries are', () => {
    const narrow = zipOf([part])
    const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer)
    const directory = Buffer.from(narrow).indexOf(Buffer.of(0x50, 0x4b, 1, 2))
    // The length of the extra field in the local header moves the content up, out of the file.
    const moved = narrow.slice()
    view(moved).setUint16(28, narrow.length - 40, true)
    expect(problemOf(moved)).toContain('entry "a/data.pkl" claims bytes')
    const longer = narrow.slice()
    view(longer).setUint32(directory + 20, 1000, true)
    view(longer).setUint32(directory + 24, 1000, true)
    expect(problemOf(longer)).toContain('entry "a/data.pkl" claims bytes')
    const extra = narrow.slice()
    view(extra).setUint16(directory + 30, 1000, true)
    expect(problemOf(extra)).toContain('an entry of the zip directory claims bytes')
    const far = narrow.slice()
    view(far).setUint32(directory + 42, 0xffff_ffff, true)
    expect(problemOf(far)).toContain('lacks its size or place in 64 bits')
  })

  it('about its directory', () => {
    const narrow = zipOf([part])
    expect(problemOf(patched(narrow, 6, 0xffff_fffe))).toContain('claims bytes 4294967294 to')
    expect(problemOf(patched(narrow, 6, 0))).toContain('there is no entry of the zip directory')
    const wide = zipOf([part], true)
    // The locator's place of the zip64 record, its number of entries, its place of the directory.
    expect(problemOf(patched(wide, 22 + 8, 0xffff_ffff))).toContain('as an offset or size')
    expect(problemOf(patched(wide, 22 + 12, 0xffff_ffff))).toContain('zip64 record claims bytes')
    expect(problemOf(patched(wide, 22 + 20 + 24, 70_000))).toContain('claims 70000 entries')
    expect(problemOf(patched(wide, 22 + 20 + 8, 0xfff_ffff))).toContain('claims bytes 268435455')
  })

  it('and has no end, or one that is not at its end', () => {
    const bytes = zipOf([part])
    expect(problemOf(new Uint8Array(100))).toBe('the zip has no directory at its end')
    expect(problemOf(new Uint8Array([...bytes, 0]))).toBe('the zip has no directory at its end')
    expect(problemOf(new Uint8Array(10))).toBe('the zip has no directory at its end')
  })
})

describe('safetensors', () => {
  it('claims 2^40 elements: refused before anything is made', () => {
    const header = (entry: object): Uint8Array => {
      const json = new TextEncoder().encode(JSON.stringify({ a: entry }))
      const bytes = new Uint8Array(8 + json.length + 8)
      new DataView(bytes.buffer).setUint32(0, json.length, true)
      bytes.set(json, 8)
      return bytes
    }
    for (const dtype of [
      'F32',
      'F16',
      'BF16',
      'F64',
      'I64',
      'BOOL',
      'toString',
      '__proto__',
      'F4'
    ]) {
      const entry = { dtype, shape: [2 ** 20, 2 ** 20], data_offsets: [0, 8] }
      expectCheap(
        () => openSafe(header(entry)).floats('a', [2 ** 20, 2 ** 20]),
        /has 8 bytes|elements of type/
      )
    }
  })

  it('has a header of deep nesting, or of millions of empty tensors', () => {
    const nested = (fill: string, length: number): Uint8Array => {
      const bytes = new Uint8Array(8 + length).fill(0x5b)
      if (fill === '{"a":') bytes.set(new TextEncoder().encode(fill.repeat(length / 5)), 8)
      bytes.fill(0, 0, 8)
      new DataView(bytes.buffer).setUint32(0, length, true)
      return bytes
    }
    for (const fill of ['[', '{"a":']) {
      expectCheap(() => openSafe(nested(fill, 5_000_000)), /the header is not JSON/)
    }
    expectCheap(() => openSafe(nested('[', 20_000_000)), /the header claims 20000000 bytes/)
  })
})

/** Files in memory that remember what was asked for. */
function filesOf(contents: Record<string, unknown>): ModelFiles & { asked: string[] } {
  const asked: string[] = []
  return {
    name: 'm',
    asked,
    placeOf: file => `m/${file}`,
    read: async file => {
      asked.push(file)
      if (!Object.hasOwn(contents, file)) return undefined
      const content = contents[file]
      if (content instanceof Uint8Array) return content
      return new TextEncoder().encode(
        typeof content === 'string' ? content : JSON.stringify(content)
      )
    }
  }
}

describe('an index of shards that lies', () => {
  const shard = (...names: string[]): Uint8Array => {
    const header: Record<string, unknown> = {}
    for (const [i, name] of names.entries()) {
      header[name] = { dtype: 'F32', shape: [1], data_offsets: [4 * i, 4 * i + 4] }
    }
    const json = new TextEncoder().encode(JSON.stringify(header))
    const bytes = new Uint8Array(8 + json.length + 4 * names.length)
    bytes[0] = json.length & 0xff
    bytes[1] = json.length >> 8
    bytes.set(json, 8)
    return bytes
  }
  const INDEX = 'model.safetensors.index.json'
  const failure = async (contents: Record<string, unknown>): Promise<EsplanadeError> => {
    const error = await readWeights(filesOf(contents)).then(
      () => undefined,
      (reason: unknown) => reason
    )
    expect(error).toBeInstanceOf(EsplanadeError)
    return error as EsplanadeError
  }

  it.each([
    '../model.safetensors',
    '/etc/model.safetensors',
    'a/b.safetensors',
    'a\\b.safetensors',
    '..\\b.safetensors',
    'C:b.safetensors',
    'file:///b.safetensors',
    '.safetensors',
    '..safetensors',
    'a\u0000.safetensors',
    'a.safetensors\n',
    'a.safetensors/../../x.safetensors',
    '%2e%2e%2fa.safetensors',
    'a b.safetensors',
    'config.json',
    'pytorch_model.bin',
    '',
    `${'a'.repeat(300)}.safetensors`,
    null,
    7,
    ['a.safetensors'],
    { file: 'a.safetensors' }
  ])('names the file %j: refused, and nothing is read', async file => {
    const files = filesOf({ [INDEX]: { weight_map: { good: 'b.safetensors', bad: file } } })
    await expect(readWeights(files)).rejects.toMatchObject({ code: 'MODEL_FILE_INVALID' })
    expect(files.asked).toEqual(['model.safetensors', INDEX])
  })

  it.each([
    '{',
    '[]',
    'null',
    '7',
    '{}',
    '{"weight_map":null}',
    '{"weight_map":[]}',
    '{"weight_map":{}}'
  ])('is %s', async index => {
    expect((await failure({ [INDEX]: index })).code).toBe('MODEL_FILE_INVALID')
  })

  it('is larger than any, or deeply nested', async () => {
    const long = await failure({ [INDEX]: '['.repeat(2 ** 23 + 1) })
    expect(long.problem).toBe('it has 8388609 bytes')
    expect((await failure({ [INDEX]: '['.repeat(2 ** 22) })).problem).toBe('the file is not JSON')
  })

  const index = { weight_map: { a: '1.safetensors', b: '2.safetensors' } }
  it('names a shard that is missing', async () => {
    const error = await failure({ [INDEX]: index, '1.safetensors': shard('a') })
    expect(error.code).toBe('MODEL_NOT_FOUND')
    expect(error.message).toContain(
      `m/2.safetensors: this shard of the weights is missing; ${INDEX}`
    )
  })

  it('names a tensor that its shard has not', async () => {
    const error = await failure({
      [INDEX]: index,
      '1.safetensors': shard('a'),
      '2.safetensors': shard('c')
    })
    expect(error.code).toBe('MODEL_FILE_INVALID')
    expect(error.message).toContain('tensor b is not in 2.safetensors')
  })

  it('has a tensor in two shards', async () => {
    const error = await failure({
      [INDEX]: index,
      '1.safetensors': shard('a', 'b'),
      '2.safetensors': shard('b')
    })
    expect(error.code).toBe('MODEL_FILE_INVALID')
    expect(error.message).toContain('tensor b is in 2.safetensors and in 1.safetensors')
  })

  it('leads to a shard that is damaged', async () => {
    const error = await failure({ [INDEX]: index, '1.safetensors': new Uint8Array(3) })
    expect(error.message).toContain('m/1.safetensors: the file has 3 bytes')
  })

  it('has names such as __proto__, which are names like others', async () => {
    const text = '{"weight_map":{"__proto__":"1.safetensors","toString":"1.safetensors"}}'
    const header =
      '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"toString":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
    const bytes = new Uint8Array(8 + header.length + 8)
    bytes[0] = header.length
    bytes.set(new TextEncoder().encode(header), 8)
    const { weights } = await readWeights(filesOf({ [INDEX]: text, '1.safetensors': bytes }))
    expect([...weights.floats('__proto__', [1])]).toEqual([0])
    expect(weights.has('constructor')).toBe(false)
  })
})
