import { readSync, writeSync } from 'node:fs'

/** One call of the system moves no more than 2 GiB. */
const CHUNK_BYTES = 2 ** 28

/**
 * Reads on in an open file until the bytes are full.
 *
 * @param {number} file
 * @param {Uint8Array} bytes
 * @returns {boolean} false where the file ends before
 */
export function fillFrom(file, bytes) {
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), null)
    if (read === 0) return false
    at += read
  }
  return true
}

/**
 * @param {number} file
 * @param {Uint8Array} bytes
 */
export function writeAll(file, bytes) {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(file, bytes, at, Math.min(CHUNK_BYTES, bytes.length - at))
  }
}

/** The memory of a typed array, as bytes. */
export function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
