import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { openIndexFile, saveIndexFile } from '../../src/node/index-file.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-index-file-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const place = (name: string) => join(folder, name)

async function build(options: FinishOptions = {}): Promise<SparseIndex> {
  const builder = new SparseIndexBuilder()
  for (let i = 0; i < 1100; i++) {
    const vector =
      i === 9 ? sparseVector([], []) : sparseVector([i % 7, 10 + i], [1 + (i % 5), 0.25])
    builder.add(i === 3 ? 'zweitê' : `d${i}`, vector)
  }
  return builder.finish({ windowDocuments: 512, ...options })
}

/** An error of ours that names the path, in its message too. */
function failure(code: ErrorCode, path: string, problem = '') {
  return expect.objectContaining({
    code,
    place: path,
    message: expect.stringContaining(path),
    problem: expect.stringContaining(problem)
  })
}

describe('an index file', () => {
  it.each<[string, FinishOptions, numSegments: number]>([
    ['of one segment', { metric: 'cosine', metadata: { model: 'none' } }, 1],
    ['of several segments', { maxSegmentBytes: 12_000, metadata: { model: 'none' } }, 3],
    ['without WebAssembly', { kernel: 'typescript' }, 1]
  ])(
    '%s is what toBytes gives, and opens as fromBytes does',
    async (name, options, numSegments) => {
      const index = await build(options)
      const path = place(`${name}.esp`)
      await saveIndexFile(index, path)
      expect(Buffer.compare(readFileSync(path), index.toBytes())).toBe(0)
      const [opened, expected] = [await openIndexFile(path), SparseIndex.fromBytes(index.toBytes())]
      for (const each of [opened, expected]) {
        expect([each.size, each.numSegments, each.isWasm]).toEqual([1100, numSegments, true])
        expect([each.metric, each.metadata]).toEqual([index.metric, options.metadata ?? {}])
      }
      expect([...opened.entries()]).toEqual([...index.entries()])
      expect(Buffer.compare(opened.toBytes(), index.toBytes())).toBe(0)
      const query = sparseVector([2, 3, 500], [1, 2, 3])
      const { hits, min, max } = await index.search(query, { k: 20, strategy: 'exhaustive' })
      for (const each of [opened, expected]) {
        expect(await each.search(query, { k: 20 })).toMatchObject({ hits, min, max })
      }
    }
  )

  it('of no documents opens', async () => {
    const path = place('empty.esp')
    await saveIndexFile(await new SparseIndexBuilder().finish(), path)
    expect((await openIndexFile(path)).size).toBe(0)
  })

  it('replaces the file that was there, shorter or longer', async () => {
    const path = place('replaced.esp')
    const index = await build()
    for (const length of [10, 1_000_000]) {
      writeFileSync(path, new Uint8Array(length).fill(7))
      await saveIndexFile(index, path)
      expect(Buffer.compare(readFileSync(path), index.toBytes())).toBe(0)
    }
    // The index is no view of its file.
    const opened = await openIndexFile(path)
    await saveIndexFile(await build({ metric: 'cosine' }), path)
    expect(opened.metric).toBe('dot')
    await saveIndexFile(opened, path)
    expect(Buffer.compare(readFileSync(path), index.toBytes())).toBe(0)
  })

  it('of many parts that are read at once opens', async () => {
    const path = place('large.esp')
    const notes = Array.from({ length: 7000 }, (_, i) => `${i} `.repeat(2000)).join('')
    const index = await build({ metadata: { notes } })
    await saveIndexFile(index, path)
    expect(readFileSync(path).length).toBeGreaterThan(2 * 2 ** 25)
    const opened = await openIndexFile(path)
    expect(opened.metadata.notes === notes).toBe(true)
    expect(Buffer.compare(opened.toBytes(), index.toBytes())).toBe(0)
    truncateSync(path, 2 ** 25 + 5)
    await expect(openIndexFile(path)).rejects.toThrow(failure('INDEX_CORRUPT', path, 'fileBytes'))
  })
})

describe('a file that is wrong is refused with its path:', () => {
  const written = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(place(name), bytes)
    return place(name)
  }

  it.each([0, 1, 11, 12, 459, 460, 1000])('cut short at %i bytes', async length => {
    const bytes = (await build()).toBytes().subarray(0, length)
    const path = written('short.esp', bytes)
    await expect(openIndexFile(path)).rejects.toThrow(failure('INDEX_CORRUPT', path))
  })

  it('cut short by a byte, in the last segment or between two', async () => {
    const index = await build({ maxSegmentBytes: 12_000 })
    const bytes = index.toBytes()
    const [first, second] = index.segmentBytes()
    for (const length of [bytes.length - 1, first!.length, first!.length + second!.length + 100]) {
      const path = written('segments.esp', bytes.subarray(0, length))
      await expect(openIndexFile(path)).rejects.toThrow(failure('INDEX_CORRUPT', path))
    }
  })

  it('longer than it should be', async () => {
    const bytes = (await build()).toBytes()
    const path = written('longer.esp', Buffer.concat([bytes, bytes]))
    const refusal = failure('INDEX_CORRUPT', path, `${bytes.length} bytes after the end`)
    await expect(openIndexFile(path)).rejects.toThrow(refusal)
  })

  it('changed', async () => {
    const bytes = (await build()).toBytes()
    bytes[bytes.length >> 1]! ^= 1
    const path = written('changed.esp', bytes)
    await expect(openIndexFile(path)).rejects.toThrow(failure('INDEX_CORRUPT', path, 'checksum'))
  })

  it('something else', async () => {
    const path = written('notes.txt', 'the tide comes in\n'.repeat(100))
    await expect(openIndexFile(path)).rejects.toThrow(failure('INDEX_CORRUPT', path, 'magic'))
  })

  it('of version 0', async () => {
    const golden = readFileSync(new URL('../segment/index-v0.esp', import.meta.url))
    const path = written('v0.esp', golden)
    const refusal = failure('INDEX_VERSION', path, 'format version 0')
    await expect(openIndexFile(path)).rejects.toThrow(refusal)
    await expect(openIndexFile(path)).rejects.toThrow('index again')
  })

  it('absent, or below a file', async () => {
    const absent = place('absent.esp')
    await expect(openIndexFile(absent)).rejects.toThrow(
      failure('FILE_NOT_FOUND', absent, 'no such file')
    )
    const below = join(written('a-file', ''), 'below.esp')
    await expect(openIndexFile(below)).rejects.toThrow(failure('FILE_NOT_FOUND', below))
  })

  it('a folder', async () => {
    mkdirSync(place('a-folder'))
    await expect(openIndexFile(place('a-folder'))).rejects.toThrow(
      failure('FILE_UNREADABLE', place('a-folder'))
    )
  })
})

describe('a place that cannot be written is refused with its path:', () => {
  let index: SparseIndex
  beforeAll(async () => {
    index = await build()
  })

  it('in a folder that is not there', async () => {
    const path = join(place('no-folder'), 'index.esp')
    await expect(saveIndexFile(index, path)).rejects.toThrow(failure('FILE_UNWRITABLE', path))
    expect(existsSync(place('no-folder'))).toBe(false)
  })

  it('below a file', async () => {
    writeFileSync(place('in-the-way'), '')
    const path = join(place('in-the-way'), 'index.esp')
    await expect(saveIndexFile(index, path)).rejects.toThrow(failure('FILE_UNWRITABLE', path))
  })

  it('a folder', async () => {
    const path = place('a-folder-for-writing')
    mkdirSync(path)
    const refusal = failure('FILE_UNWRITABLE', path, 'a folder where a file is due')
    await expect(saveIndexFile(index, path)).rejects.toThrow(refusal)
  })

  const isRoot = process.getuid?.() === 0
  it.skipIf(isRoot || process.platform === 'win32')('without permission', async () => {
    const path = place('read-only.esp')
    writeFileSync(path, 'kept')
    chmodSync(path, 0o400)
    await expect(saveIndexFile(index, path)).rejects.toThrow(
      failure('FILE_UNWRITABLE', path, 'no permission')
    )
    expect(readFileSync(path, 'utf8')).toBe('kept')
  })

  it.runIf(existsSync('/dev/full'))('on a full disk', async () => {
    const refusal = failure('FILE_UNWRITABLE', '/dev/full', 'the disk is full')
    await expect(saveIndexFile(index, '/dev/full')).rejects.toThrow(refusal)
  })
})
