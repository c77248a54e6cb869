import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { SparseIndex } from '../search/sparse-index.ts'
import type { Segment } from '../segment/segment.ts'
import { HEADER_BYTES } from '../segment/segment-format.ts'
import {
  checkSequence,
  memoryFor,
  openSegment,
  readHead,
  refuseAt
} from '../segment/segment-reader.ts'
import { SEGMENT_BASE } from '../segment/segment-writer.ts'
import { fileError } from './file-error.ts'

/** Systems read and write no more than 2 GiB at once. */
const MAX_TRANSFER_BYTES = 2 ** 28

/**
 * Writes an index to a file, as `toBytes` would give it, without a copy in memory. The file is
 * replaced where it exists.
 *
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function saveIndexFile(index: SparseIndex, path: string): Promise<void> {
  try {
    await writeFile(path, transfers(index), { flush: true })
  } catch (cause) {
    throw fileError(cause, path, 'write')
  }
}

/** The bytes of an index in pieces that can be written. */
function* transfers(index: SparseIndex): Generator<Uint8Array, void, undefined> {
  for (const bytes of index.segmentBytes()) {
    for (let at = 0; at < bytes.length; at += MAX_TRANSFER_BYTES) {
      yield bytes.subarray(at, at + MAX_TRANSFER_BYTES)
    }
  }
}

/**
 * Opens an index file: it is read straight into the memory in which it is searched.
 *
 * @throws EsplanadeError `INDEX_CORRUPT` when it is no index, cut short or changed; `INDEX_VERSION`;
 *   `FILE_NOT_FOUND`, `FILE_UNREADABLE`
 */
export async function openIndexFile(path: string): Promise<SparseIndex> {
  return new SparseIndex(await readSegmentsFile(path))
}

/**
 * The segments of an index file, each in the memory in which it is searched; at least one.
 *
 * @throws EsplanadeError as {@link openIndexFile}
 */
export async function readSegmentsFile(path: string): Promise<Segment[]> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    throw fileError(cause, path, 'read')
  }
  try {
    const { size } = await file.stat()
    return await readSegments(file, size, path)
  } finally {
    await file.close()
  }
}

async function readSegments(file: FileHandle, size: number, path: string): Promise<Segment[]> {
  const segments: Segment[] = []
  let start = 0
  do {
    const bytes = new Uint8Array(Math.min(HEADER_BYTES, size - start))
    await readInto(file, bytes, start, path)
    const head = readHead(bytes, size - start, path)
    checkSequence(head, segments.length, segments[0]?.header, path)
    const memory = memoryFor(head, path)
    const place = memory.views.u8.subarray(SEGMENT_BASE, SEGMENT_BASE + head.fileBytes)
    await readInto(file, place, start, path)
    segments.push(openSegment(memory, head, path))
    start += head.fileBytes
  } while (segments.length < segments[0]!.header.numSegments)
  if (start !== size) refuseAt(path)(`${size - start} bytes after the end`, 'none')
  return segments
}

/** Parts that are read at once: most of the time goes into giving the memory its pages. */
const PARALLEL_READS = 4
const PART_BYTES = 2 ** 25

async function readInto(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
  path: string
): Promise<void> {
  let next = 0
  const readParts = async (): Promise<void> => {
    while (next < bytes.length) {
      const at = next
      next += PART_BYTES
      await readPart(file, bytes.subarray(at, at + PART_BYTES), position + at, path)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_READS }, readParts))
}

async function readPart(
  file: FileHandle,
  part: Uint8Array,
  position: number,
  path: string
): Promise<void> {
  for (let at = 0; at < part.length; ) {
    let bytesRead: number
    try {
      ;({ bytesRead } = await file.read(part, at, part.length - at, position + at))
    } catch (cause) {
      throw fileError(cause, path, 'read')
    }
    if (bytesRead === 0) refuseAt(path)('the file became shorter while it was read')
    at += bytesRead
  }
}
