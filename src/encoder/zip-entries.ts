import { Inflate } from 'fflate'
import { EsplanadeError } from '../errors.ts'
import { plainView } from './tensor-elements.ts'
import { readZipDirectory, shown, type ZipEntry } from './zip-directory.ts'

/**
 * The entries of a zip file in memory, read where they lie.
 *
 * fflate's `unzipSync` does not serve here. It copies stored entries, which are nearly all of a
 * checkpoint; it reads offsets of zip64 as 32 bits; and it inflates into an array of the claimed
 * size, goes on decoding behind the end of it, and does not say that the content was longer. Its
 * `Inflate` gives the content piece by piece, so that a bomb stops at its first byte too many.
 */

/** More than this much smaller, beyond the first MiB, is no weights but a bomb. */
const MAX_RATIO = 16
const FREE_BYTES = 2 ** 20

/** Deflate packs 1,032 to 1 at best, so one of these becomes 17 MB at most. */
const CHUNK_BYTES = 16_384

/** A stored block of deflate spans five chunks; more of them without a byte are no stream. */
const MAX_SILENT_CHUNKS = 8

/** The entries of one zip file. */
export class ZipEntries {
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #place: string
  readonly #entries: ReadonlyMap<string, ZipEntry>

  /**
   * @param bytes - the whole file; entries that are stored stay in it
   * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED` where an entry is encrypted
   */
  constructor(bytes: Uint8Array, place: string) {
    this.#bytes = plainView(bytes)
    this.#place = place
    this.#entries = readZipDirectory({
      length: bytes.length,
      read: (start, length) => bytes.subarray(start, start + length),
      damaged: (problem, expected) => damaged(place, problem, expected)
    })
    for (const { name, isEncrypted } of this.#entries.values()) {
      if (isEncrypted) throw encrypted(place, name)
    }
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** The unpacked size of an entry as the directory gives it, or undefined where there is none. */
  sizeOf(name: string): number | undefined {
    return this.#entries.get(name)?.size
  }

  /**
   * The content of an entry: a part of the file if it is stored, which most are.
   *
   * @param maxBytes - the most that this entry has any reason to have
   * @throws EsplanadeError `MODEL_FILE_INVALID` where it is missing, longer than `maxBytes`, or not
   * what the directory says; `MODEL_UNSUPPORTED` for another compression than deflate
   */
  content(name: string, maxBytes: number = Number.MAX_SAFE_INTEGER): Uint8Array<ArrayBuffer> {
    const place = this.#place
    const entry = this.#entries.get(name)
    if (entry === undefined) throw damaged(place, `it lacks the entry ${shown(name)}`)
    const { method, size, start, packedBytes } = entry
    const packed = this.#bytes.subarray(start, start + packedBytes)
    if (size > maxBytes) {
      throw damaged(place, `entry ${shown(name)} has ${size} bytes`, `at most ${maxBytes}`)
    }
    if (method === 0) return packed
    if (method !== 8) {
      throw new EsplanadeError('MODEL_UNSUPPORTED', {
        place,
        problem: `entry ${shown(name)} is compressed by method ${method}`,
        expected: 'stored or deflated entries',
        remedy: 'Save the model with torch.save, which does not compress'
      })
    }
    if (size > FREE_BYTES + MAX_RATIO * packed.length) {
      throw damaged(
        place,
        `entry ${shown(name)} claims to unpack ${packed.length} bytes to ${size}`,
        `at most ${MAX_RATIO} times as many`
      )
    }
    return inflate(packed, size, place, name)
  }
}

function inflate(
  packed: Uint8Array,
  size: number,
  place: string,
  name: string
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size)
  let length = 0
  let silent = 0
  const inflater = new Inflate(piece => {
    if (length + piece.length <= size) out.set(piece, length)
    length += piece.length
    silent = piece.length > 0 ? 0 : silent + 1
  })
  try {
    for (let start = 0; start < packed.length && length <= size; start += CHUNK_BYTES) {
      if (silent > MAX_SILENT_CHUNKS) break
      const end = start + CHUNK_BYTES
      inflater.push(packed.subarray(start, end), end >= packed.length)
    }
  } catch (cause) {
    throw damaged(place, `entry ${shown(name)} cannot be unpacked`, undefined, cause)
  }
  if (length !== size) {
    const what = length > size ? 'more than' : 'less than'
    throw damaged(place, `entry ${shown(name)} unpacks to ${what} ${size} bytes`)
  }
  return out
}

function encrypted(place: string, name: string): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem: `entry ${shown(name)} is encrypted`,
    remedy: 'Save the model with torch.save, which does not encrypt'
  })
}

function damaged(
  place: string,
  problem: string,
  expected?: string,
  cause?: unknown
): EsplanadeError {
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem,
    expected,
    remedy: 'Fetch the file again; it is damaged or cut short',
    cause
  })
}
