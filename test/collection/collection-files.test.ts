import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { buildSegment } from '../../src/collection/build-segment.ts'
import {
  emptySegmentManifest,
  type SegmentManifest,
  type SegmentRecord
} from '../../src/collection/segment-manifest.ts'
import { removePartials, writeAtomically } from '../../src/node/atomic-file.ts'
import {
  collectionFilePath,
  type GenerationPaths,
  generationPaths,
  openSegmentFiles,
  readCollectionFile,
  readManifest,
  readSettings,
  removeOrphans,
  segmentPaths,
  writeCollectionFile,
  writeManifest,
  writeSegmentFiles,
  writeSettings
} from '../../src/node/collection-files.ts'
import { MemoryStore } from './memory-store.ts'
import { vectorOf, writeDocuments } from './written-documents.ts'

const root = mkdtempSync(join(tmpdir(), 'esplanade-collection-files-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A collection of documents 1 to 20 in two segments. */
let directory: string
let paths: GenerationPaths
let records: SegmentRecord[]
let manifest: SegmentManifest
let numCollections = 0

beforeEach(async () => {
  directory = join(root, `${numCollections++}`)
  paths = generationPaths(directory, 'g1')
  mkdirSync(paths.folder, { recursive: true })
  const store = new MemoryStore()
  const documents = Array.from({ length: 20 }, (_, n) => ({
    passages: [vectorOf(n), vectorOf(n + 1)],
    metadata: { n }
  }))
  await writeDocuments(store, 1, documents)
  records = []
  for (const [file, first, last] of [
    ['000001', 1, 10],
    ['000002', 11, 20]
  ] as const) {
    const options = { metric: 'dot', precision: 'float32' } as const
    const built = await buildSegment(store.snapshot(), first, last, options)
    records.push(await writeSegmentFiles(paths, file, built!))
  }
  manifest = { ...emptySegmentManifest(), flushedSeq: 20, nextFile: 3, segments: records }
  await writeManifest(paths, manifest)
  await writeSettings(paths, { metric: 'dot', precision: 'float32' })
  await writeCollectionFile(directory, { active: 'g1' })
})

const vectorsFile = (i: number) => segmentPaths(paths, records[i]!.file).vectors
const columnsFile = (i: number) => segmentPaths(paths, records[i]!.file).columns
const corrupt = (place: string) =>
  expect.objectContaining({
    code: 'COLLECTION_CORRUPT',
    place,
    remedy: expect.stringContaining(`esplanade repair ${directory}`)
  })

describe('the files of a collection', () => {
  it('are read as they were written', async () => {
    expect(await readCollectionFile(directory)).toEqual({ active: 'g1' })
    expect(await readSettings(paths)).toEqual({ metric: 'dot', precision: 'float32' })
    expect(await readManifest(paths)).toEqual(manifest)
    for (const [i, record] of records.entries()) {
      const { segment, seqs, columns } = await openSegmentFiles(paths, record)
      expect(segment.key(0)).toBe(`${record.firstSeq}`)
      expect(seqs.lastSeq).toBe(10 * (i + 1))
      expect(columns.numDocuments).toBe(20)
      expect(columns.typesOf('n', '')).toEqual(new Set(['number']))
    }
    expect(readdirSync(paths.segments).length).toBe(4)
  })

  it('a directory without collection.json is no collection', async () => {
    rmSync(collectionFilePath(directory))
    await expect(readCollectionFile(directory)).rejects.toThrow(
      expect.objectContaining({ code: 'COLLECTION_NOT_FOUND', place: directory })
    )
  })

  it('an empty collection.json is damage', async () => {
    writeFileSync(collectionFilePath(directory), '')
    await expect(readCollectionFile(directory)).rejects.toThrow(
      corrupt(collectionFilePath(directory))
    )
  })

  it.each(['missing', 'empty', 'cut'])('a manifest that is %s is damage', async how => {
    if (how === 'missing') rmSync(paths.manifest)
    else truncateSync(paths.manifest, how === 'empty' ? 0 : 100)
    await expect(readManifest(paths)).rejects.toThrow(corrupt(paths.manifest))
  })

  it('settings that are missing come from a backup', async () => {
    rmSync(paths.settings)
    await expect(readSettings(paths)).rejects.toThrow(
      expect.objectContaining({
        code: 'COLLECTION_CORRUPT',
        place: paths.settings,
        remedy: expect.stringContaining('backup')
      })
    )
  })
})

describe('the files of a segment', () => {
  const open = () => openSegmentFiles(paths, records[0]!)
  const files = () => [vectorsFile(0), columnsFile(0)]

  it('are missed', async () => {
    for (const path of files()) {
      const bytes = readFileSync(path)
      rmSync(path)
      await expect(open()).rejects.toThrow(corrupt(path))
      writeFileSync(path, bytes)
    }
    await open()
  })

  it('are refused where they were cut, wherever that was', async () => {
    for (const path of files()) {
      const bytes = readFileSync(path)
      const step = Math.ceil(bytes.length / 40)
      for (let length = 0; length < bytes.length; length += step) {
        truncateSync(path, length)
        await expect(open()).rejects.toThrow(corrupt(path))
        writeFileSync(path, bytes)
      }
      truncateSync(path, bytes.length - 1)
      await expect(open()).rejects.toThrow(corrupt(path))
      writeFileSync(path, bytes)
    }
  })

  it('are refused where a bit was changed, wherever that was', async () => {
    for (const path of files()) {
      const bytes = readFileSync(path)
      const step = Math.ceil(bytes.length / 100)
      for (let at = 0; at < bytes.length; at += step) {
        const changed = Buffer.from(bytes)
        changed[at]! ^= 1 << (at % 8)
        writeFileSync(path, changed)
        await expect(open()).rejects.toThrow(corrupt(path))
      }
      writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(64)]))
      await expect(open()).rejects.toThrow(corrupt(path))
      writeFileSync(path, bytes)
    }
  })

  it('are refused where they were swapped, though both are whole', async () => {
    for (const fileOf of [vectorsFile, columnsFile]) {
      const own = readFileSync(fileOf(0))
      copyFileSync(fileOf(1), fileOf(0))
      await expect(open()).rejects.toThrow(corrupt(fileOf(0)))
      writeFileSync(fileOf(0), own)
    }
  })

  it.each([
    { firstSeq: 2 },
    { lastSeq: 11 },
    { numDocuments: 9 },
    { numEntries: 21 },
    { numPostings: 1 },
    { fileBytes: 4096 },
    { fileChecksum: 1 },
    { columnsBytes: 64 },
    { columnsChecksum: 1 }
  ])('are refused where the manifest says %j', async figures => {
    await expect(openSegmentFiles(paths, { ...records[0]!, ...figures })).rejects.toThrow(
      expect.objectContaining({ code: 'COLLECTION_CORRUPT' })
    )
  })
})

describe('orphans', () => {
  it('are removed, and nothing else', async () => {
    const kept = ['notes.txt', '1.esp', '000007.esp.bak', '000001.esp.partial']
    const orphans = ['000003.esp', '000003.columns', '1234567.esp']
    const partials = ['.123-0123456789ab.000004.esp.partial']
    for (const name of [...kept, ...orphans, ...partials, '000009.esp']) {
      writeFileSync(join(paths.segments, name), 'x')
    }
    const before = readdirSync(paths.segments)
    const removed = await removeOrphans(paths, manifest, ['000009'])
    expect(removed.sort()).toEqual([...orphans].sort())
    const gone = new Set([...orphans, ...partials])
    expect(readdirSync(paths.segments)).toEqual(before.filter(name => !gone.has(name)))
  })
})

describe('a file written in one step', () => {
  it('has the old bytes until it has the new ones', async () => {
    const path = join(directory, 'file')
    await writeAtomically(path, 'old')
    const pieces = function* () {
      expect(readFileSync(path, 'utf8')).toBe('old')
      yield Buffer.from('ne')
      expect(readFileSync(path, 'utf8')).toBe('old')
      yield Buffer.from('w')
    }
    await writeAtomically(path, pieces())
    expect(readFileSync(path, 'utf8')).toBe('new')
    await writeAtomically(path, new Uint8Array(0))
    expect(readFileSync(path).length).toBe(0)
  })

  it('stays as it was, with nothing beside it, where writing fails', async () => {
    const path = join(directory, 'file')
    await writeAtomically(path, 'old')
    const before = readdirSync(directory)
    const broken = function* (): Generator<Uint8Array> {
      yield Buffer.from('ne')
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
    }
    await expect(writeAtomically(path, broken())).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE', place: path, problem: 'the disk is full' })
    )
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(directory)).toEqual(before)
  })

  it('needs its folder, and a place that is no folder', async () => {
    const lost = join(directory, 'none', 'file')
    await expect(writeAtomically(lost, 'x')).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE', place: lost })
    )
    mkdirSync(join(directory, 'folder'))
    await expect(writeAtomically(join(directory, 'folder'), 'x')).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE' })
    )
    expect(existsSync(join(directory, 'folder'))).toBe(true)
  })

  const isRoot = process.getuid?.() === 0
  it.skipIf(isRoot || process.platform === 'win32')('needs permission', async () => {
    chmodSync(directory, 0o500)
    await expect(writeAtomically(join(directory, 'file'), 'x')).rejects.toThrow(/no permission/)
    chmodSync(directory, 0o700)
  })

  it('leaves a part behind when its process is killed, which is removed', async () => {
    const name = '.4242-00ff00ff00ff.manifest.json.partial'
    writeFileSync(join(directory, name), 'x')
    expect(await removePartials(directory)).toBe(1)
    expect(await removePartials(directory)).toBe(0)
    expect(readdirSync(directory).sort()).toEqual(['collection.json', 'g1'])
  })
})
