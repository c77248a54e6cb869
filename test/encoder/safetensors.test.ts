import { describe, expect, it } from 'vitest'
import { SafeTensors } from '../../src/encoder/safetensors.ts'
import { EsplanadeError } from '../../src/errors.ts'

/** A file from a header (or what claims to be one) and its data. */
function file(header: unknown, data: Uint8Array, headerBytes?: bigint): Uint8Array {
  const json = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header)
  )
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, headerBytes ?? BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

const data = new Uint8Array(Float32Array.of(1, -2, 3.5, 0.25, 8, 9).buffer)
const header = {
  __metadata__: { format: 'pt' },
  a: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
  b: { dtype: 'F32', shape: [2], data_offsets: [16, 24] }
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof EsplanadeError) return error.code
    throw error
  }
  return 'none'
}

describe('a well-formed file', () => {
  it('gives its tensors as float32', () => {
    const tensors = new SafeTensors(file(header, data), 'x')
    expect(tensors.names).toEqual(['a', 'b'])
    expect([...tensors.floats('a', [2, 2])]).toEqual([1, -2, 3.5, 0.25])
    expect([...tensors.floats('b', [2])]).toEqual([8, 9])
  })

  it('gives the same from a Buffer in a larger pool', () => {
    const pool = Buffer.alloc(200)
    const bytes = file(header, data)
    pool.set(bytes, 3)
    const tensors = new SafeTensors(pool.subarray(3, 3 + bytes.length), 'x')
    expect([...tensors.floats('b', [2])]).toEqual([8, 9])
  })

  it('reads F16 and BF16, subnormal and special values included', () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00)
    const f16 = { h: { dtype: 'F16', shape: [6], data_offsets: [0, 12] } }
    const tensors = new SafeTensors(file(f16, new Uint8Array(halves.buffer)), 'x')
    expect([...tensors.floats('h', [6])]).toEqual([1, -2, 2 ** -24, 65504, -0, Infinity])
    const brains = Uint16Array.of(0x3f80, 0xc000, 0x4049)
    const bf16 = { h: { dtype: 'BF16', shape: [3], data_offsets: [0, 6] } }
    const other = new SafeTensors(file(bf16, new Uint8Array(brains.buffer)), 'x')
    expect([...other.floats('h', [3])]).toEqual([1, -2, 3.140625])
  })
})

describe('other types', () => {
  it('reads F64, rounded to float32', () => {
    const doubles = Float64Array.of(0.1, -1e300, 1e-320, 2.5)
    const f64 = { d: { dtype: 'F64', shape: [2, 2], data_offsets: [0, 32] } }
    const tensors = new SafeTensors(file(f64, new Uint8Array(doubles.buffer)), 'x')
    expect([...tensors.floats('d', [2, 2])]).toEqual([Math.fround(0.1), -Infinity, 0, 2.5])
  })

  it('holds buffers of other types, whose sizes are checked where the type is known', () => {
    const buffers = {
      long: { dtype: 'I64', shape: [2], data_offsets: [0, 16] },
      tiny: { dtype: 'F8_E4M3', shape: [8], data_offsets: [16, 24] }
    }
    expect(new SafeTensors(file(buffers, data), 'x').names).toEqual(['long', 'tiny'])
    const wrong = { ...buffers, long: { ...buffers.long, shape: [3] } }
    expect(codeOf(() => new SafeTensors(file(wrong, data), 'x'))).toBe('MODEL_FILE_INVALID')
  })
})

describe('a file that lies', () => {
  const entry = (range: unknown, shape: unknown = [2, 2], dtype: unknown = 'F32') => ({
    a: { dtype, shape, data_offsets: range },
    b: header.b
  })
  const lies: [string, Uint8Array][] = [
    ['is empty', new Uint8Array(0)],
    ['has seven bytes', new Uint8Array(7)],
    ['claims a header longer than the file', file(header, data, 10_000n)],
    ['claims a header of 2^53 bytes', file(header, data, 2n ** 53n)],
    ['claims a header of 2^64 − 1 bytes', file(header, data, 2n ** 64n - 1n)],
    ['has a header that is not JSON', file('{"a":', data)],
    ['has a header that is a list', file([], data)],
    ['has a header that is null', file('null', data)],
    ['has a range beyond the data', file(entry([0, 4096]), data)],
    ['has a range of 2^53', file(entry([0, 2 ** 53]), data)],
    ['has a range that ends before it starts', file(entry([16, 0]), data)],
    ['has a negative range', file(entry([-8, 8]), data)],
    ['has a range of one number', file(entry([0]), data)],
    ['has overlapping tensors', file({ ...entry([0, 16]), c: entry([8, 24]).a }, data)],
    ['leaves a gap', file({ b: header.b }, data)],
    ['leaves bytes at the end', file({ a: header.a }, data)],
    ['has a shape that is not the range', file(entry([0, 16], [2, 3]), data)],
    ['has a shape of 2^40 elements', file(entry([0, 16], [2 ** 20, 2 ** 20]), data)],
    ['has a shape that overflows', file(entry([0, 16], [2 ** 52, 2 ** 52, 2 ** 52]), data)],
    ['has a shape of words', file(entry([0, 16], ['2', 2]), data)],
    ['has no type', file(entry([0, 16], [2, 2], null), data)],
    ['has a tensor that is null', file({ ...header, c: null }, data)]
  ]
  it.each(lies)('%s: MODEL_FILE_INVALID', (_, bytes) => {
    expect(codeOf(() => new SafeTensors(bytes, 'x'))).toBe('MODEL_FILE_INVALID')
  })

  it('is cut at any length: MODEL_FILE_INVALID', () => {
    const bytes = file(header, data)
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => new SafeTensors(bytes.subarray(0, length), 'x'))).toBe(
        'MODEL_FILE_INVALID'
      )
    }
  })
})

describe('asking for what is not there', () => {
  const tensors = new SafeTensors(file(header, data), 'x')
  it('names a missing tensor and a wrong shape', () => {
    expect(codeOf(() => tensors.floats('c', [2]))).toBe('MODEL_MISMATCH')
    expect(codeOf(() => tensors.floats('a', [4]))).toBe('MODEL_MISMATCH')
    expect(() => tensors.floats('a', [4])).toThrow('tensor a has shape [2, 2]. Expected [4]')
  })
  it('refuses other element types by name', () => {
    const long = { a: { dtype: 'I64', shape: [3], data_offsets: [0, 24] } }
    expect(codeOf(() => new SafeTensors(file(long, data), 'x').floats('a', [3]))).toBe(
      'MODEL_UNSUPPORTED'
    )
  })
})
