import { EsplanadeError } from '../errors.ts'
import {
  ELEMENT_BYTES,
  isCount,
  numElements,
  plainView,
  requireFloats,
  type TensorType,
  toFloat32
} from './tensor-elements.ts'
import type { WeightsFile } from './weights.ts'

/**
 * Reads model weights in the safetensors format: eight bytes of header length (little-endian), a
 * JSON header that gives each tensor's element type, shape and byte range, then the bytes.
 *
 * Source: https://github.com/huggingface/safetensors#format. Nothing in the header is believed
 * before it is checked, and no memory is allocated for a tensor before its range is known to lie
 * in the file.
 */

/**
 * Room for 60,000 tensors. The format allows 100 MB, but to parse that much of nothing but brackets
 * took 5 GB of memory.
 */
const MAX_HEADER_BYTES = 2 ** 23

interface TensorEntry extends TensorType {
  /** Where the elements lie, in bytes behind the header. */
  readonly start: number
  readonly end: number
}

/** The named tensors of one safetensors file. */
export class SafeTensors implements WeightsFile {
  readonly #place: string
  readonly #data: Uint8Array<ArrayBuffer>
  readonly #entries: ReadonlyMap<string, TensorEntry>

  /**
   * @param bytes - the whole file
   * @param place - what to call it in errors
   * @throws EsplanadeError `MODEL_FILE_INVALID` where the header is not true of the file
   */
  constructor(bytes: Uint8Array, place: string) {
    const headerBytes = readHeaderLength(bytes, place)
    this.#place = place
    this.#data = plainView(bytes).subarray(8 + headerBytes)
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
    const entry = requireFloats(this.#place, name, this.#entries.get(name), dims)
    return toFloat32(this.#data.slice(entry.start, entry.end), entry.dtype)
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
  const elementBytes = ELEMENT_BYTES.get(dtype)
  const numBytes = elementBytes === undefined ? end - start : numElements(shape) * elementBytes
  if (numBytes !== end - start) {
    throw lie(
      place,
      `tensor ${name} has ${end - start} bytes`,
      `${numBytes} for ${dtype} of shape [${shape.join(', ')}]`
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
