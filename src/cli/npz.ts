import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { endianness } from 'node:os'
import { EsplanadeError } from 'esplanade'
import { Zip, ZipPassThrough } from 'fflate'
import { partialPath, unwritable } from './output-file.ts'

/**
 * One matrix in compressed sparse rows as `scipy.sparse.save_npz` writes it, a zip of arrays:
 *
 *     indices.npy  int32    [numEntries]   column (term id) of each entry, ascending in a row
 *     indptr.npy   int32    [numRows + 1]  row i is entries indptr[i] to indptr[i + 1] − 1
 *     format.npy   bytes    []             csr
 *     shape.npy    int64    [2]            rows, columns
 *     data.npy     float32  [numEntries]
 *     keys.npy     text     [numRows]      ours: scipy passes over it, numpy.load reads it
 *
 * Rows are read once for each array instead of being held, so memory does not grow with them except
 * by 4 bytes a row. The arrays are stored, not deflated.
 */

/** One row of the matrix. */
export interface NpzRow {
  readonly key: string
  /** Columns, ascending. */
  readonly indices: readonly number[]
  /** One for each column. */
  readonly values: readonly number[]
}

/** A zip without the extension for large files ends here. */
const MAX_ZIP_BYTES = 2 ** 32 - 1
const CHUNK_ENTRIES = 65_536
const FLUSH_BYTES = 1_048_576
const ORDER = endianness() === 'LE' ? '<' : '>'

/**
 * Writes the file so that it is there whole or not at all.
 *
 * @param rows - gives the rows from the start, as often as it is called
 * @throws EsplanadeError `FILE_UNWRITABLE`, also where the file would pass 4 GiB; what `rows` throws
 */
export async function writeNpz(
  path: string,
  rows: () => AsyncIterable<NpzRow>,
  numColumns: number
): Promise<void> {
  const { rowEnds, numEntries, longestKey } = await measure(rows())
  const numRows = rowEnds.length - 1
  const numBytes = 8 * numEntries + 4 * numRows * (1 + longestKey)
  if (numBytes > MAX_ZIP_BYTES) {
    throw new EsplanadeError('FILE_UNWRITABLE', {
      place: path,
      problem: `the matrix takes ${(numBytes / 2 ** 30).toFixed(1)} GiB`,
      expected: 'at most 4 GiB in one .npz',
      remedy: 'Encode in parts with --shard, or write --format jsonl'
    })
  }
  // Not the name of the partial file of lines: that one is still being read.
  const partial = partialPath(`${path}.zip`)
  try {
    const file = await open(partial, 'w')
    try {
      const zip = new NpzFile(file)
      const entries = [numEntries]
      await zip.add('indices', `${ORDER}i4`, entries, chunksOf(rows(), Int32Array, 'indices'))
      await zip.add('indptr', `${ORDER}i4`, [numRows + 1], [rowEnds])
      await zip.add('format', '|S3', [], [Buffer.from('csr')])
      const shape = BigInt64Array.of(BigInt(numRows), BigInt(numColumns))
      await zip.add('shape', `${ORDER}i8`, [2], [shape])
      await zip.add('data', `${ORDER}f4`, entries, chunksOf(rows(), Float32Array, 'values'))
      await zip.add('keys', `${ORDER}U${longestKey}`, [numRows], keysOf(rows(), longestKey))
      await zip.end()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw unwritable(path, cause)
  }
}

/** Where each row ends, and the code points of the longest key (1 at least, as numpy wants it). */
async function measure(
  rows: AsyncIterable<NpzRow>
): Promise<{ rowEnds: Int32Array; numEntries: number; longestKey: number }> {
  let rowEnds = new Int32Array(1024)
  let numRows = 0
  // Not read off `rowEnds`: beyond 2^31 entries, which are refused, that would have wrapped.
  let numEntries = 0
  let longestKey = 1
  for await (const { key, indices } of rows) {
    if (numRows + 1 === rowEnds.length) {
      const grown = new Int32Array(2 * rowEnds.length)
      grown.set(rowEnds)
      rowEnds = grown
    }
    numEntries += indices.length
    rowEnds[numRows + 1] = numEntries
    numRows++
    longestKey = Math.max(longestKey, Array.from(key).length)
  }
  return { rowEnds: rowEnds.subarray(0, numRows + 1), numEntries, longestKey }
}

/** One array of all rows, in pieces of bounded size. */
async function* chunksOf(
  rows: AsyncIterable<NpzRow>,
  ArrayType: typeof Int32Array | typeof Float32Array,
  field: 'indices' | 'values'
): AsyncGenerator<ArrayBufferView> {
  let chunk: number[] = []
  for await (const row of rows) {
    for (const value of row[field]) chunk.push(value)
    if (chunk.length >= CHUNK_ENTRIES) {
      yield ArrayType.from(chunk)
      chunk = []
    }
  }
  yield ArrayType.from(chunk)
}

/** Keys in UTF-32, each padded with NUL to the longest. */
async function* keysOf(rows: AsyncIterable<NpzRow>, width: number): AsyncGenerator<Uint32Array> {
  for await (const { key } of rows) {
    const points = new Uint32Array(width)
    points.set(Array.from(key, character => character.codePointAt(0)!))
    yield points
  }
}

/** A zip of `.npy` arrays that goes to a file piece by piece. */
class NpzFile {
  readonly #file: FileHandle
  readonly #zip: Zip
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  constructor(file: FileHandle) {
    this.#file = file
    this.#zip = new Zip((error, bytes) => {
      if (error) throw error
      this.#pending.push(bytes)
      this.#pendingBytes += bytes.length
    })
  }

  async add(
    name: string,
    type: string,
    shape: readonly number[],
    chunks: AsyncIterable<ArrayBufferView> | Iterable<ArrayBufferView>
  ): Promise<void> {
    const entry = new ZipPassThrough(`${name}.npy`)
    this.#zip.add(entry)
    entry.push(npyHeader(type, shape))
    for await (const { buffer, byteOffset, byteLength } of chunks) {
      entry.push(new Uint8Array(buffer, byteOffset, byteLength))
      if (this.#pendingBytes >= FLUSH_BYTES) await this.#flush()
    }
    entry.push(new Uint8Array(0), true)
  }

  async end(): Promise<void> {
    this.#zip.end()
    await this.#flush()
    await this.#file.sync()
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    await this.#file.appendFile(bytes)
  }
}

/** The header of numpy's format 1.0: a Python dict, padded so that the array begins at 64 bytes. */
function npyHeader(type: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64
  const header = Buffer.from(`\u0093NUMPY\u0001\u0000\0\0${dict.padEnd(length - 11)}\n`, 'latin1')
  header.writeUInt16LE(length - 10, 8)
  return header
}
