import { EsplanadeError } from '../errors.ts'

/** Bytes of one element by its type, in the names of safetensors. */
export const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['I64', 8],
  ['U64', 8],
  ['I32', 4],
  ['U32', 4],
  ['I16', 2],
  ['U16', 2],
  ['I8', 1],
  ['U8', 1],
  ['BOOL', 1]
])

/** Types that weights may have; the others are of buffers, which no encoder needs. */
const FLOAT_TYPES: readonly string[] = ['F32', 'F16', 'BF16', 'F64']

/** What a file says of one tensor. */
export interface TensorType {
  /** Element type, in the names of safetensors. */
  readonly dtype: string
  readonly shape: readonly number[]
}

/** Whether a value from a file can be a size, an offset or a stride. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The same bytes as a plain array: `slice` of Node's Buffer, unlike a Uint8Array's, does not copy. */
export function plainView(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
}

/** Inexact beyond 2^53, where it is larger than any file all the same. */
export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/**
 * The entry of a tensor, if it is what the model asks for.
 *
 * @throws EsplanadeError `MODEL_MISMATCH` where there is none or its shape is not `dims`,
 * `MODEL_UNSUPPORTED` where its elements are no floats
 */
export function requireFloats<Entry extends TensorType>(
  place: string,
  name: string,
  entry: Entry | undefined,
  dims: readonly number[]
): Entry {
  const differs =
    entry !== undefined &&
    (entry.shape.length !== dims.length || entry.shape.some((size, i) => size !== dims[i]))
  if (entry === undefined || differs) {
    const shape = `[${dims.join(', ')}], as config.json says`
    throw new EsplanadeError('MODEL_MISMATCH', {
      place,
      problem:
        entry === undefined
          ? `no tensor ${name}`
          : `tensor ${name} has shape [${entry.shape.join(', ')}]`,
      expected: entry === undefined ? `one of shape ${shape}` : shape,
      remedy: 'Use the config.json that belongs to these weights'
    })
  }
  if (!FLOAT_TYPES.includes(entry.dtype)) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place,
      problem: `tensor ${name} has elements of type ${entry.dtype}`,
      expected: FLOAT_TYPES.join(', '),
      remedy: 'Save the model in one of these types'
    })
  }
  return entry
}

/**
 * Little-endian elements as float32.
 *
 * @param bytes - a copy of its own, so that it starts at an aligned address; the result may use it
 * @param type - one that {@link requireFloats} lets pass
 */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, type: string): Float32Array {
  if (type === 'F32') return new Float32Array(bytes.buffer)
  if (type === 'F64') return Float32Array.from(new Float64Array(bytes.buffer))
  const halves = new Uint16Array(bytes.buffer)
  const bits = new Uint32Array(halves.length)
  const table = type === 'F16' ? float16Bits() : undefined
  for (let i = 0; i < halves.length; i++) {
    // bfloat16 is the upper half of a float32.
    bits[i] = table === undefined ? halves[i]! << 16 : table[halves[i]!]!
  }
  return new Float32Array(bits.buffer)
}

let float16Table: Uint32Array | undefined

/** The float32 of every IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits), as bits. */
function float16Bits(): Uint32Array {
  if (float16Table !== undefined) return float16Table
  const values = Float32Array.from({ length: 65_536 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
  float16Table = new Uint32Array(values.buffer)
  return float16Table
}
