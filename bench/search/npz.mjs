import { closeSync, openSync } from 'node:fs'
import { Zip, ZipPassThrough } from 'fflate'
import { bytesOf, writeAll } from './large-file.mjs'

/**
 * Writes a matrix as `scipy.sparse.save_npz` does, for the peers: a zip of arrays, stored and not
 * deflated, that goes to the file piece by piece.
 *
 *     indices.npy  int32    term of each entry
 *     indptr.npy   int32    row i is entries indptr[i] to indptr[i + 1] − 1
 *     format.npy   bytes    csr
 *     shape.npy    int64    rows, columns
 *     data.npy     float32  weight of each entry
 */

/** A zip without the extension for large files ends here. */
const MAX_ZIP_BYTES = 2 ** 32 - 1
const CHUNK_BYTES = 2 ** 22

/**
 * @param {string} path
 * @param {import('./csr.mjs').Csr} csr
 * @param {number} numColumns above every term
 */
export function writeNpz(path, { offsets, terms, weights }, numColumns) {
  if (8 * terms.length + 4 * offsets.length > MAX_ZIP_BYTES - 4096) {
    throw new Error(`${path}: the matrix passes 4 GiB`)
  }
  const file = openSync(path, 'w')
  try {
    const zip = new Zip((error, bytes) => {
      if (error) throw error
      writeAll(file, bytes)
    })
    const numRows = offsets.length - 1
    const shape = BigInt64Array.of(BigInt(numRows), BigInt(numColumns))
    addArray(zip, 'indices', '<i4', [terms.length], terms)
    addArray(zip, 'indptr', '<i4', [numRows + 1], offsets)
    addArray(zip, 'format', '|S3', [], Buffer.from('csr'))
    addArray(zip, 'shape', '<i8', [2], shape)
    addArray(zip, 'data', '<f4', [weights.length], weights)
    zip.end()
  } finally {
    closeSync(file)
  }
}

function addArray(zip, name, type, shape, array) {
  const entry = new ZipPassThrough(`${name}.npy`)
  zip.add(entry)
  entry.push(npyHeader(type, shape))
  const bytes = bytesOf(array)
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    entry.push(bytes.subarray(at, at + CHUNK_BYTES))
  }
  entry.push(new Uint8Array(0), true)
}

/** The header of numpy's format 1.0: a Python dict, padded so that the array begins at 64 bytes. */
function npyHeader(type, shape) {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64
  const header = Buffer.from(`\u0093NUMPY\u0001\u0000\0\0${dict.padEnd(length - 11)}\n`, 'latin1')
  header.writeUInt16LE(length - 10, 8)
  return header
}
