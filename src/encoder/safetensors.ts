import { EsplanadeError } from '../errors.ts'
import type { Weights } from './weights.ts'

/**
 * Reads model weights in the safetensors format: eight bytes of header length (little-endian), a
 * JSON header that gives each tensor's element type, shape and byte range, then the bytes.
 *
 * Source: https://github.com/huggingface/safetensors#format. Nothing in the header is believed
 * before it is checked, and no memory is allocated for a tensor before its range is known to lie
 * in the file.
 */

/** Element types that are read; each becomes float32. */
const BYTES_PER_ELEMENT = { F32: 4, F16: 2, BF16: 2 } as const
type ElementType = keyof typeof BYTES_PER_ELEMENT

/** The format's own limit, which keeps a lying header from being parsed at all. */
const MAX_HEADER_BYTES = 100_000_000

interface TensorEntry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

/** The named tensors of one safetensors file. */
export class SafeTensors implements Weights {
  readonly #place: string
  readonly #data: Uint8Array
  readonly #entries: ReadonlyMap<string, TensorEntry>

  /**
   * @param bytes - the whole file
   * @param place - what to call it in errors
   * @throws EsplanadeError `MODEL_FILE_INVALID` where the header is not true of the file
   */
  constructor(bytes: Uint8Array, place: string) {
    const headerBytes = readHeaderLength(bytes, place)
    this.#place = place
    // A plain view: `slice` of Node's Buffer, unlike a Uint8Array's, would not copy.
    this.#data = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length).subarray(
      8 + headerBytes
    )
    this.#entries = readEntries(bytes.subarray(8, 8 + headerBytes), this.#data.length, place)
  }

  /** The names of all tensors. */
  get names(): string[] {
    return [...this.#entries.keys()]
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.#entries.get(name)?.shape
  }

  floats(name: string, dims: readonly number[]): Float32Array {
    const entry = this.#entries.get(name)
    if (entry === undefined) {
      throw new EsplanadeError('MODEL_MISMATCH', {
        place: this.#place,
        problem: `no tensor ${name}`,
        expected: `one of shape [${dims.join(', ')}], as config.json says`,
        remedy: 'Use the config.json that belongs to these weights'
      })
    }
    if (entry.shape.length !== dims.length || entry.shape.some((size, i) => size !== dims[i])) {
      throw new EsplanadeError('MODEL_MISMATCH', {
        place: this.#place,
        problem: `tensor ${name} has shape [${entry.shape.join(', ')}]`,
        expected: `[${dims.join(', ')}], as config.json says`,
        remedy: 'Use the config.json that belongs to these weights'
      })
    }
    if (!(entry.dtype in BYTES_PER_ELEMENT)) {
      throw new EsplanadeError('MODEL_UNSUPPORTED', {
        place: this.#place,
        problem: `tensor ${name} has elements of type ${entry.dtype}`,
        expected: Object.keys(BYTES_PER_ELEMENT).join(', '),
        remedy: 'Save the model in one of these types'
      })
    }
    return toFloat32(this.#data.slice(entry.start, entry.end), entry.dtype as ElementType)
  }
}

function lie(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem,
    expected,
    remedy: 'Fetch the file again; it is damaged or not a safetensors file'
  })
}

function readHeaderLength(bytes: Uint8Array, place: string): number {
  if (bytes.length < 8) throw lie(place, `the file has ${bytes.length} bytes`, 'at least 8')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  const room = Math.min(bytes.length - 8, MAX_HEADER_BYTES)
  if (length > BigInt(room)) {
    throw lie(place, `the header claims ${length} bytes`, `at most ${room}`)
  }
  return Number(length)
}

function readEntries(
  header: Uint8Array,
  dataBytes: number,
  place: string
): Map<string, TensorEntry> {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header))
  } catch (cause) {
    throw new EsplanadeError('MODEL_FILE_INVALID', {
      place,
      problem: 'the header is not JSON',
      remedy: 'Fetch the file again; it is damaged or not a safetensors file',
      cause
    })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw lie(place, 'the header is not a JSON object', 'an object of tensors')
  }
  const entries = new Map<string, TensorEntry>()
  for (const [name, value] of Object.entries(parsed)) {
    if (name !== '__metadata__') entries.set(name, readEntry(name, value, dataBytes, place))
  }
  checkRanges(entries, dataBytes, place)
  return entries
}

function readEntry(name: string, value: unknown, dataBytes: number, place: string): TensorEntry {
  const { dtype, shape, data_offsets: range } = (value ?? {}) as Record<string, unknown>
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !shape.every(isCount)) {
    throw lie(place, `tensor ${name} lacks a type or shape`, 'dtype and shape')
  }
  if (!Array.isArray(range) || range.length !== 2 || !range.every(isCount)) {
    throw lie(place, `tensor ${name} lacks its byte range`, 'two data_offsets')
  }
  const [start, end] = range as [number, number]
  if (start > end || end > dataBytes) {
    throw lie(
      place,
      `tensor ${name} claims bytes ${start} to ${end}`,
      `a range in the ${dataBytes} bytes of data`
    )
  }
  const elementBytes = BYTES_PER_ELEMENT[dtype as ElementType]
  const numElements = shape.reduce((product: number, size: number) => product * size, 1)
  if (elementBytes !== undefined && numElements * elementBytes !== end - start) {
    throw lie(
      place,
      `tensor ${name} has ${end - start} bytes`,
      `${numElements * elementBytes} for ${dtype} of shape [${shape.join(', ')}]`
    )
  }
  return { dtype, shape, start, end }
}

/** Tensors lie one behind the other without gap or overlap, as the format demands. */
function checkRanges(
  entries: ReadonlyMap<string, TensorEntry>,
  dataBytes: number,
  place: string
): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)
  let end = 0
  for (const [name, entry] of sorted) {
    if (entry.start !== end) {
      const what = entry.start < end ? 'overlaps the tensor before it' : 'leaves a gap before it'
      throw lie(place, `tensor ${name} at byte ${entry.start} ${what}`, `byte ${end}`)
    }
    end = entry.end
  }
  if (end !== dataBytes) {
    throw lie(place, `the tensors end at byte ${end} of the data`, `byte ${dataBytes}`)
  }
}

/** @param bytes - a copy of its own, so that it starts at an aligned address */
function toFloat32(bytes: Uint8Array, type: ElementType): Float32Array {
  if (type === 'F32') return new Float32Array(bytes.buffer)
  const halves = new Uint16Array(bytes.buffer)
  return Float32Array.from(halves, type === 'BF16' ? bfloat16ToNumber : float16ToNumber)
}

const scratch = new DataView(new ArrayBuffer(4))

/** bfloat16 is the upper half of a float32. */
function bfloat16ToNumber(bits: number): number {
  scratch.setUint32(0, bits * 0x1_0000)
  return scratch.getFloat32(0)
}

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
