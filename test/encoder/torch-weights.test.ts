import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { SafeTensors } from '../../src/encoder/safetensors.ts'
import { TorchWeights } from '../../src/encoder/torch-weights.ts'
import type { WeightsFile } from '../../src/encoder/weights.ts'
import { EsplanadeError } from '../../src/errors.ts'
import {
  dictionary,
  global,
  int,
  program,
  REDUCE,
  STOP,
  storage,
  tensor,
  text,
  torchFile,
  tuple,
  zipOf
} from './torch-file.ts'

function golden(file: string): Uint8Array {
  return readFileSync(new URL(`../golden/weights/${file}`, import.meta.url))
}

interface Expected {
  readonly shape: number[]
  /** Elements as PyTorch reads them; buffers of integers have a type instead. */
  readonly values?: number[]
  readonly type?: string
}

const expected = JSON.parse(new TextDecoder().decode(golden('tensors.json'))) as Record<
  string,
  Expected
>

function errorOf(run: () => unknown): EsplanadeError {
  try {
    run()
  } catch (error) {
    if (error instanceof EsplanadeError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const files: [string, (bytes: Uint8Array, place: string) => WeightsFile][] = [
  ['tensors.pt', (bytes, place) => new TorchWeights(bytes, place)],
  ['deflated.pt', (bytes, place) => new TorchWeights(bytes, place)],
  ['tensors.safetensors', (bytes, place) => new SafeTensors(bytes, place)]
]

describe.each(files)('%s', (file, open) => {
  const weights = open(golden(file), file)

  it('has the tensors that PyTorch reads, with their shapes', () => {
    expect([...weights.names].sort()).toEqual(Object.keys(expected).sort())
    for (const [name, { shape }] of Object.entries(expected)) {
      expect(weights.shapeOf(name)).toEqual(shape)
      expect(weights.has(name)).toBe(true)
    }
    expect(weights.has('toString')).toBe(false)
    expect(weights.shapeOf('toString')).toBeUndefined()
  })

  it('gives every float tensor bit by bit: views, ties, parameters, four types', () => {
    let numTensors = 0
    for (const [name, { shape, values }] of Object.entries(expected)) {
      if (values === undefined || name === 'repeated') continue
      expect([...weights.floats(name, shape)], name).toEqual(values.map(Math.fround))
      numTensors++
    }
    expect(numTensors).toBe(18)
  })

  it('refuses integers by name, only when asked for them', () => {
    expect(expected.position_ids!.type).toBe('torch.int64')
    const error = errorOf(() => weights.floats('position_ids', [1, 8]))
    expect(error.code).toBe('MODEL_UNSUPPORTED')
    expect(error.message).toContain('position_ids has elements of type I64. Expected F32, F16')
  })

  it('names a missing tensor and a wrong shape', () => {
    expect(errorOf(() => weights.floats('absent', [2])).code).toBe('MODEL_MISMATCH')
    expect(errorOf(() => weights.floats('float32', [24])).message).toContain(
      'tensor float32 has shape [4, 6]. Expected [24]'
    )
  })

  it('gives arrays of their own', () => {
    weights.floats('float32', [4, 6]).fill(0)
    const again = weights.floats('float32', [4, 6])
    expect(again[0]).toBe(Math.fround(expected.float32!.values![0]!))
  })
})

describe('a file of PyTorch', () => {
  it('is read from a Buffer in a larger pool', () => {
    const bytes = golden('tensors.pt')
    const pool = Buffer.alloc(bytes.length + 9)
    pool.set(bytes, 5)
    const weights = new TorchWeights(pool.subarray(5, 5 + bytes.length), 'x')
    expect([...weights.floats('scalar', [])]).toEqual([2.5])
    weights.floats('float32', [4, 6]).fill(0)
    expect(Buffer.compare(pool.subarray(5, 5 + bytes.length), bytes)).toBe(0)
  })

  it('may have sizes and places in 64 bits', () => {
    const entries = Object.entries(unzipSync(golden('tensors.pt')))
    const wide = zipOf(
      entries.map(([name, packed]) => ({ name, packed })),
      true
    )
    const weights = new TorchWeights(wide, 'x')
    expect([...weights.floats('scalar', [])]).toEqual([2.5])
  })

  it('may hold plain values beside tensors', () => {
    const one = tensor(storage('torch FloatStorage', '0', 1), 0, [1], [1])
    const bytes = torchFile(dictionary({ steps: int(3), one }), { 0: new Uint8Array(4) })
    expect(new TorchWeights(bytes, 'x').names).toEqual(['one'])
  })

  it('may say that it is little-endian; big-endian is refused', () => {
    const one = dictionary({ a: tensor(storage('torch FloatStorage', '0', 1), 0, [1], [1]) })
    const data = { 0: new Uint8Array(Float32Array.of(5).buffer) }
    expect([...new TorchWeights(torchFile(one, data, 'little'), 'x').floats('a', [1])]).toEqual([5])
    const error = errorOf(() => new TorchWeights(torchFile(one, data, 'big'), 'x'))
    expect(error.message).toContain('the order of bytes is "big". Expected little')
  })

  const refused: [string, string, string][] = [
    ['legacy.pt', 'MODEL_UNSUPPORTED', 'the format that PyTorch wrote before version 1.6'],
    ['nested.pt', 'MODEL_UNSUPPORTED', 'not at the top of the file, but under "state_dict"'],
    ['protocol-4.pt', 'MODEL_UNSUPPORTED', 'pickle protocol 4 at byte 0'],
    ['module.pt', 'MODEL_UNSUPPORTED', 'the global "torch.nn.modules.linear Linear" at byte 2'],
    ['float8.pt', 'MODEL_UNSUPPORTED', 'the global "torch._utils _rebuild_tensor_v3" at byte'],
    ['tensors.json', 'MODEL_FILE_INVALID', 'the file starts with the bytes 7b 22 66 6c']
  ]
  it.each(refused)('%s is refused: %s, %s', (file, code, message) => {
    const error = errorOf(() => new TorchWeights(golden(file), file))
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
    expect(error.remedy).toBeTruthy()
  })

  it('refuses elements that are repeated, since a shape may then be of any size', () => {
    const weights = new TorchWeights(golden('tensors.pt'), 'x')
    const error = errorOf(() => weights.floats('repeated', [4, 3]))
    expect(error.code).toBe('MODEL_UNSUPPORTED')
    expect(error.problem).toBe('tensor repeated of shape [4, 3] repeats its elements')
  })
})

describe('a view', () => {
  const data = { 0: new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer) }
  const six = storage('torch FloatStorage', '0', 6)
  const read = (offset: number, shape: number[], strides: number[]): number[] => {
    const bytes = torchFile(dictionary({ a: tensor(six, offset, shape, strides) }), data)
    return [...new TorchWeights(bytes, 'x').floats('a', shape)]
  }

  it('follows offset and strides', () => {
    expect(read(0, [2, 3], [3, 1])).toEqual([0, 1, 2, 3, 4, 5])
    expect(read(0, [3, 2], [1, 3])).toEqual([0, 3, 1, 4, 2, 5])
    expect(read(1, [2, 2], [3, 1])).toEqual([1, 2, 4, 5])
    expect(read(1, [3], [2])).toEqual([1, 3, 5])
    expect(read(5, [1, 1], [9, 9])).toEqual([5])
    expect(read(2, [], [])).toEqual([2])
    expect(read(0, [4, 0, 2], [1, 1, 1])).toEqual([])
    // Rows that overlap are fewer elements than the storage has, and harmless.
    expect(read(0, [2, 3], [1, 1])).toEqual([0, 1, 2, 1, 2, 3])
  })

  const beyond: [number, number[], number[]][] = [
    [0, [7], [1]],
    [1, [6], [1]],
    [6, [1], [1]],
    [6, [], []],
    [7, [0], [1]],
    [0, [2, 3], [4, 1]],
    [-1, [1], [1]],
    [0, [-1], [1]],
    [0, [2], [-1]],
    [0, [2, 3], [1]],
    [0, [2], [2, 3]],
    [0, [2 ** 20, 2 ** 20], [2 ** 20, 1]],
    [0, [2 ** 30, 2 ** 30, 2 ** 30], [2 ** 30, 2 ** 30, 1]],
    [0, new Array(65).fill(1), new Array(65).fill(1)]
  ]
  it.each(beyond)('of offset %j, shape %j and strides %j is refused', (offset, shape, strides) => {
    expect(errorOf(() => read(offset, shape, strides)).code).toBe('MODEL_FILE_INVALID')
  })

  it('of 2^40 elements that are all the same one is refused before it is made', () => {
    const error = errorOf(() => read(0, [2 ** 20, 2 ** 20], [0, 0]))
    expect(error.code).toBe('MODEL_UNSUPPORTED')
    expect(error.expected).toBe('at most the 6 elements that are stored')
  })
})

describe('a storage', () => {
  const fault = (from: Uint8Array, data: Record<string, Uint8Array>): EsplanadeError =>
    errorOf(
      () => new TorchWeights(torchFile(dictionary({ a: tensor(from, 0, [1], [1]) }), data), 'x')
    )

  it('must be in the file, in its full size', () => {
    const two = storage('torch FloatStorage', '0', 2)
    expect(fault(two, {}).problem).toBe('the storage of tensor a is missing')
    for (const size of [0, 4, 7, 9, 12]) {
      const error = fault(two, { 0: new Uint8Array(size) })
      expect(error.problem).toBe(`the storage of tensor a has ${size} bytes`)
      expect(error.expected).toBe('8 for 2 elements of type F32')
    }
    const huge = storage('torch FloatStorage', '0', 2 ** 31 - 1)
    expect(fault(huge, { 0: new Uint8Array(8) }).code).toBe('MODEL_FILE_INVALID')
  })

  it('is an entry of the zip and never a file: its key is no path', () => {
    for (const key of ['../../etc/passwd', '/etc/passwd', '..', '']) {
      expect(fault(storage('torch FloatStorage', key, 1), {}).problem).toContain('is missing')
    }
  })

  it('has a class that is on the list', () => {
    const error = fault(storage('torch ComplexFloatStorage', '0', 1), { 0: new Uint8Array(8) })
    expect(error.code).toBe('MODEL_UNSUPPORTED')
    expect(error.problem).toContain('the global "torch ComplexFloatStorage" at byte')
    const other = fault(storage('collections OrderedDict', '0', 1), { 0: new Uint8Array(4) })
    expect(other.code).toBe('MODEL_FILE_INVALID')
  })

  it('is described by a tuple of five', () => {
    const ids = [
      int(1),
      tuple(),
      tuple(text('storage'), global('torch FloatStorage'), text('0'), text('cpu')),
      tuple(text('module'), global('torch FloatStorage'), text('0'), text('cpu'), int(1)),
      tuple(text('storage'), text('FloatStorage'), text('0'), text('cpu'), int(1)),
      tuple(text('storage'), global('torch FloatStorage'), int(0), text('cpu'), int(1)),
      tuple(text('storage'), global('torch FloatStorage'), text('0'), text('cpu'), int(-1))
    ]
    for (const id of ids) {
      const error = fault(program(id, 0x51), { 0: new Uint8Array(4) })
      expect(error.problem).toContain('a storage is not described as torch does it')
    }
  })
})

describe('what is no dictionary of tensors', () => {
  it.each([
    ['a number', program(0x80, 2, int(1), STOP)],
    ['an empty dictionary', dictionary({})],
    ['a tensor alone', program(tensor(storage('torch FloatStorage', '0', 1), 0, [1], [1]), STOP)],
    ['an empty OrderedDict', program(global('collections OrderedDict'), 0x29, REDUCE, STOP)]
  ])('%s is refused', (_, bytes) => {
    const error = errorOf(() => new TorchWeights(torchFile(bytes, { 0: new Uint8Array(4) }), 'x'))
    expect(error.problem).toBe('the file holds no dictionary of tensors')
  })

  it('a zip file without data.pkl, or with two', () => {
    const none = zipOf([{ name: 'a/b', packed: new Uint8Array(1) }])
    expect(errorOf(() => new TorchWeights(none, 'x')).problem).toBe(
      'the zip file has 0 entries NAME/data.pkl'
    )
    const packed = dictionary({})
    const two = zipOf([
      { name: 'a/data.pkl', packed },
      { name: 'b/data.pkl', packed }
    ])
    expect(errorOf(() => new TorchWeights(two, 'x')).problem).toContain('has 2 entries')
  })
})
