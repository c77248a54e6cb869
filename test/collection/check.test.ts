import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildSegment } from '../../src/collection/build-segment.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import {
  generationPaths,
  readManifest,
  readSettings,
  writeManifest,
  writeSegmentFiles
} from '../../src/node/collection-files.ts'
import { LmdbStore } from '../../src/node/lmdb-store.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import {
  documentOf,
  flipBit,
  makeCollection,
  replaceBytes,
  temporaryFolder
} from './checked-collection.ts'

/** Codes of the errors, each once, with how many there are. */
async function errorsOf(directory: string): Promise<Record<string, number>> {
  const { findings } = await checkCollection(directory)
  const counts: Record<string, number> = {}
  for (const { code, severity } of findings) {
    if (severity === 'error') counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

test('A collection that was written, flushed, deleted from and closed is clean.', async () => {
  const directory = await makeCollection()
  const progress: number[] = []
  const report = await checkCollection(directory, { onProgress: ({ done }) => progress.push(done) })
  expect(report).toMatchObject({ isClean: true, isRepairable: false, findings: [], numErrors: 0 })
  expect(report.numSegments).toBe(5)
  expect(report.numDocuments).toBe(564)
  expect(progress.at(-1)).toBeGreaterThan(564)
})

test('A collection is clean at any time while another writes to it, merges and compacts.', async () => {
  const directory = join(temporaryFolder(), 'busy')
  const flushLimits = { maxEntries: 60, maxPostings: 1e9 }
  await using collection = await openCollection(directory, { model: null, flushLimits })
  let isWriting = true
  const writing = (async () => {
    for (let round = 0; round < 8; round++) {
      const first = 37 * round
      await collection.upsert(Array.from({ length: 80 }, (_, n) => documentOf(first + n)))
      await collection.delete([`k${first}`, `k${first + 1}`])
      if (round % 4 === 3) await collection.compact()
    }
    isWriting = false
  })()
  let numChecks = 0
  while (isWriting) {
    expect((await checkCollection(directory)).findings.filter(isError)).toEqual([])
    numChecks++
  }
  await writing
  expect(numChecks).toBeGreaterThan(2)
})

test('Each damage of a file is found under its code.', async () => {
  const directory = await makeCollection()
  const paths = generationPaths(directory, 'g1')
  const segment = (name: string) => join(paths.segments, name)
  const damages: [path: string, damage: (path: string) => void, codes: Record<string, number>][] = [
    [join(directory, 'collection.json'), path => rmSync(path), { 'collection-file': 1 }],
    [join(directory, 'collection.json'), path => flipBit(path, 30), { 'collection-file': 1 }],
    [paths.settings, path => flipBit(path, 40), { settings: 1 }],
    [paths.manifest, path => writeFileSync(path, ''), { manifest: 1 }],
    [paths.manifest, path => rmSync(path), { manifest: 1 }],
    [paths.manifest, path => flipBit(path, 300), { manifest: 1 }],
    [segment('000002.esp'), path => rmSync(path), { 'segment-file': 1 }],
    [segment('000002.esp'), path => truncateSync(path, 700), { 'segment-file': 1 }],
    [segment('000003.esp'), path => flipBit(path, -90), { 'segment-file': 1 }],
    [segment('000003.columns'), path => flipBit(path, -9), { 'segment-file': 1 }],
    [segment('000004.columns'), path => rmSync(path), { 'segment-file': 1 }]
  ]
  for (const [path, damage, codes] of damages) {
    const whole = readFileSync(path)
    damage(path)
    const report = await checkCollection(directory)
    expect(await errorsOf(directory), path).toEqual(codes)
    expect(report.isRepairable, path).toBe(!('settings' in codes))
    expect(report.findings.find(isError)?.file).toBe(path)
    writeFileSync(path, whole)
  }
  renameSync(segment('000001.esp'), segment('x'))
  renameSync(segment('000005.esp'), segment('000001.esp'))
  renameSync(segment('x'), segment('000005.esp'))
  expect(await errorsOf(directory)).toEqual({ 'segment-file': 2 })
})

test('A damaged record is found, and its key is named.', async () => {
  const directory = await makeCollection()
  const data = join(generationPaths(directory, 'g1').store, 'data.mdb')
  // The text of a document stands in its record; LMDB may keep an old page with it, hence all of them.
  const bytes = readFileSync(data)
  for (let at = bytes.indexOf('pier 333'); at >= 0; at = bytes.indexOf('pier 333', at + 1)) {
    bytes[at] = 0x50
  }
  writeFileSync(data, bytes)
  const { findings, isRepairable } = await checkCollection(directory)
  expect(findings).toMatchObject([{ code: 'record', namespace: '', key: 'k333' }])
  expect(isRepairable).toBe(false)
})

test('Vectors of a damaged record are found as well.', async () => {
  const directory = join(temporaryFolder(), 'one')
  const weight = 1.2345
  {
    await using collection = await openCollection(directory, { model: null })
    await collection.upsert([
      { key: 'a', vector: sparseVector([1], [2]) },
      { key: 'b', namespace: 'n', vector: sparseVector([1], [weight]) }
    ])
  }
  const data = join(generationPaths(directory, 'g1').store, 'data.mdb')
  replaceBytes(data, new Uint8Array(Float32Array.of(weight).buffer), Uint8Array.of(1, 2, 3, 4))
  expect((await checkCollection(directory)).findings).toMatchObject([
    { code: 'record', namespace: 'n', key: 'b' }
  ])
})

test('Segments that are whole but not of these documents are found, document by document.', async () => {
  const directory = await makeCollection()
  const paths = generationPaths(directory, 'g1')
  const manifest = await readManifest(paths)
  const { metric, precision } = await readSettings(paths)
  // The second segment is built of another store: one document less, one more, one other vector,
  // one other metadata.
  const other = await LmdbStore.open(join(temporaryFolder(), 'store'), { create: true })
  const store = await LmdbStore.open(paths.store, { readOnly: true })
  const snapshot = store.snapshot()
  const { firstSeq, lastSeq } = manifest.segments[2]!
  const added = []
  for (const seq of [...snapshot.seqs(firstSeq, lastSeq)]) {
    const [document, vectors] = [snapshot.document(seq)!, snapshot.vectors(seq)!]
    if (seq === firstSeq + 2) continue
    const isOther = seq === firstSeq + 10
    const passages = isOther ? [sparseVector([1, 2], [3, 4])] : vectors.passages
    const metadata = seq === firstSeq + 12 ? { ...document.metadata, n: -1 } : document.metadata
    added.push(other.encode({ ...document, metadata }, { ...vectors, passages }))
  }
  const extra = { seq: lastSeq + 1, namespace: '', key: 'extra', text: '', metadata: {} }
  added.push(other.encode(extra, { passages: [sparseVector([1], [1])] }))
  await other.write({ added, removed: [] })
  const otherSnapshot = other.snapshot()
  const built = await buildSegment(otherSnapshot, firstSeq, lastSeq + 1, { metric, precision })
  const record = await writeSegmentFiles(paths, '000090', built!)
  const segments = manifest.segments.slice(0, 2)
  await writeManifest(paths, {
    ...manifest,
    generation: manifest.generation + 1,
    nextFile: 91,
    segments: [...segments, record],
    flushedSeq: record.lastSeq
  })
  otherSnapshot.close()
  snapshot.close()
  await other.close()
  await store.close()
  const { findings } = await checkCollection(directory)
  expect(findings.filter(isError).map(({ code, problem }) => `${code}: ${problem}`)).toEqual([
    `segment-missing: it lacks document ${firstSeq + 2}`,
    `segment-vector: document ${firstSeq + 10} has another vector in it`,
    `segment-metadata: document ${firstSeq + 12} has other metadata in it`,
    `segment-vector: document ${lastSeq + 1} has another vector in it`
  ])
})

test('Files that nothing names are noted, and are no error.', async () => {
  const directory = await makeCollection()
  const { segments } = generationPaths(directory, 'g1')
  writeFileSync(join(segments, '000077.esp'), 'left by a kill')
  const { findings, isClean } = await checkCollection(directory)
  expect(isClean).toBe(true)
  expect(findings).toMatchObject([{ severity: 'note', file: join(segments, '000077.esp') }])
})

test('A place without a collection is refused, and a signal stops the check.', async () => {
  const folder = temporaryFolder()
  await expect(checkCollection(folder)).rejects.toMatchObject({ code: 'COLLECTION_NOT_FOUND' })
  const absent = join(folder, 'absent')
  await expect(checkCollection(absent)).rejects.toMatchObject({ code: 'COLLECTION_NOT_FOUND' })
  const directory = await makeCollection()
  const signal = AbortSignal.abort()
  await expect(checkCollection(directory, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
  expect(readdirSync(directory).sort()).toEqual(['collection.json', 'g1'])
})

function isError({ severity }: { readonly severity: string }): boolean {
  return severity === 'error'
}
