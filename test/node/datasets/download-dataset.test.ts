import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type DownloadDatasetOptions,
  datasetSettings
} from '../../../src/node/datasets/dataset-settings.ts'
import { downloadWith } from '../../../src/node/datasets/download-dataset.ts'
import { WriterLock } from '../../../src/node/writer-lock.ts'
import { FakeZipServer, md5 } from './fake-zip-server.ts'
import { harbourFiles, zipped } from './harbour-zip.ts'

const zip = zipped('harbour')
let server: FakeZipServer
let folder: string
beforeAll(async () => {
  server = await FakeZipServer.start()
})
afterAll(() => server.close())
beforeEach(() => {
  server.reset()
  server.files.set('harbour.zip', zip)
  folder = mkdtempSync(join(tmpdir(), 'esplanade-datasets-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const partial = () => join(folder, 'harbour.zip.partial')

function download(options: DownloadDatasetOptions & { firstWaitMs?: number } = {}) {
  const all = { to: folder, from: server.url, md5: md5(zip), ...options }
  return downloadWith({ ...datasetSettings('harbour', all, {}), firstWaitMs: 5 })
}

/** All of the data set is there, and nothing beside it. */
async function expectWhole(options: DownloadDatasetOptions = {}): Promise<void> {
  const { isNew, path } = await download(options)
  expect(isNew).toBe(true)
  const found = readdirSync(path, { recursive: true }).map(String)
  const files = found.filter(name => statSync(join(path, name)).isFile())
  expect(files.sort()).toEqual(Object.keys(harbourFiles).sort())
  for (const [name, content] of Object.entries(harbourFiles)) {
    expect(readFileSync(join(path, name)).equals(content), name).toBe(true)
  }
  expect(readdirSync(folder)).toEqual(['harbour'])
}

test('a data set comes, through a redirect, and is unpacked', async () => {
  const seen: string[] = []
  const { path, corpora, dataset } = await download({
    onProgress: ({ stage, done, total }) => {
      expect(done).toBeLessThanOrEqual(total ?? 0)
      if (done === total) seen.push(`${stage} ${total}`)
    }
  })
  expect(path).toBe(join(folder, 'harbour'))
  expect(corpora).toEqual([path])
  expect(dataset).toBeUndefined()
  const unpacked = Object.values(harbourFiles).reduce((sum, { length }) => sum + length, 0)
  expect(seen).toEqual([`fetch ${zip.length}`, `unpack ${unpacked}`])
  rmSync(path, { recursive: true })
  await expectWhole()
})

test('a folder that is there is left as it is, and nothing is asked for', async () => {
  const { path } = await download()
  writeFileSync(join(path, 'corpus.jsonl'), 'changed')
  expect(await download()).toMatchObject({ isNew: false, path, corpora: [path] })
  expect(readFileSync(join(path, 'corpus.jsonl'), 'utf8')).toBe('changed')
  expect(server.ranges).toHaveLength(1)
})

test('something else at its place is left as it is, too', async () => {
  mkdirSync(join(folder, 'harbour'))
  writeFileSync(join(folder, 'harbour', 'notes.txt'), 'mine')
  await expect(download()).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    problem: expect.stringContaining('something else')
  })
  rmSync(join(folder, 'harbour'), { recursive: true })
  writeFileSync(join(folder, 'harbour'), 'mine')
  await expect(download()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  expect(readFileSync(join(folder, 'harbour'), 'utf8')).toBe('mine')
  await expect(download({ to: join(folder, 'harbour', 'in') })).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    problem: 'a part of the path is a file'
  })
  expect(server.ranges).toEqual([])
})

test('a data set may be several collections, a folder each', async () => {
  const several = zipped('harbour', { 'b/corpus.jsonl': zip, 'a/corpus.jsonl': zip })
  server.files.set('harbour.zip', several)
  const { path, corpora } = await download({ md5: md5(several) })
  expect(corpora).toEqual([join(path, 'a'), join(path, 'b')])
})

describe('a download', () => {
  test('that is cut goes on from there', async () => {
    server.faults.push({ cutAfter: 70_000 }, { cutAfter: 50_000 })
    await expectWhole()
    const [first, second, third] = server.ranges.map(range => Number(range?.match(/\d+/)?.[0]))
    expect(first).toBeNaN()
    expect(second).toBeGreaterThan(0)
    expect(second).toBeLessThanOrEqual(70_000)
    expect(third).toBeGreaterThanOrEqual(second!)
    expect(third).toBeLessThanOrEqual(second! + 50_000)
  })

  test('may be cut anywhere, by the server or at its own end', async () => {
    const where = fc.integer({ min: 0, max: zip.length })
    await fc.assert(
      fc.asyncProperty(where, fc.array(where, { maxLength: 3 }), async (had, cuts) => {
        writeFileSync(partial(), zip.subarray(0, had))
        server.faults.push(...cuts.map(cutAfter => ({ cutAfter })))
        await expectWhole()
        server.faults.length = 0
        rmSync(join(folder, 'harbour'), { recursive: true })
      }),
      { numRuns: 20 }
    )
  })

  test('that was whole when its process died is not asked for again', async () => {
    writeFileSync(partial(), zip)
    mkdirSync(join(folder, 'harbour.partial', 'qrels'), { recursive: true })
    writeFileSync(join(folder, 'harbour.partial', 'corpus.jsonl'), 'half of')
    await expectWhole()
    expect(server.ranges).toEqual([])
  })

  test.each([
    ['other bytes', Buffer.alloc(1000, 7)],
    ['more bytes than there are', Buffer.alloc(zip.length + 5, 7)]
  ])('that begins with %s is begun anew', async (_, wrong) => {
    writeFileSync(partial(), wrong)
    await expectWhole()
    expect(server.ranges.at(-1)).toBeUndefined()
  })

  test('begins anew where the server knows no ranges', async () => {
    server.faults.push({ cutAfter: 70_000 }, { ignoreRange: true })
    await expectWhole()
  })

  test('of other bytes is fetched once more, and refused if they stay so', async () => {
    const wrong = { bytes: zip.map(byte => byte ^ 1) }
    server.faults.push(wrong)
    await expectWhole()
    rmSync(join(folder, 'harbour'), { recursive: true })
    server.ranges.length = 0
    server.fault = wrong
    await expect(download()).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      problem: expect.stringMatching(/its checksum is [0-9a-f]{32}/),
      expected: `a file of the MD5 sum ${md5(zip)}`
    })
    expect(server.ranges).toEqual([undefined, undefined])
    expect(readdirSync(folder)).toEqual([])
  })

  test('that a busy server refuses is tried again, five times', async () => {
    server.faults.push({ status: 503 }, { status: 429 })
    await expectWhole()
    rmSync(join(folder, 'harbour'), { recursive: true })
    server.ranges.length = 0
    server.fault = { status: 503 }
    await expect(download()).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      problem: 'the server answers with status 503',
      remedy: expect.stringContaining('ESPLANADE_DATASETS_URL')
    })
    expect(server.ranges).toHaveLength(5)
    expect(readdirSync(folder)).toEqual([])
  })

  test('of a file that the server does not have, or forbids, is not', async () => {
    server.files.clear()
    await expect(download()).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      problem: expect.stringMatching(/^127\.0\.0\.1:\d+ has no file harbour\.zip$/)
    })
    server.files.set('harbour.zip', zip)
    server.fault = { status: 403 }
    await expect(download()).rejects.toMatchObject({
      problem: expect.stringContaining('answers with status 403')
    })
    expect(server.ranges).toHaveLength(1)
    expect(readdirSync(folder)).toEqual([])
  })

  test('that is stopped keeps what it has', async () => {
    const controller = new AbortController()
    server.faults.push({ pauseMs: 40 })
    const stopped = download({
      signal: controller.signal,
      onProgress: ({ done }) => done > 50_000 && controller.abort()
    })
    await expect(stopped).rejects.toMatchObject({
      code: 'ABORTED',
      problem: expect.stringContaining('the same command goes on')
    })
    const had = statSync(partial()).size
    expect(had).toBeGreaterThan(50_000)
    await expectWhole()
    expect(server.ranges).toEqual([undefined, `bytes=${had}-`])
  })

  test('that is stopped at its last byte does not wait for another', async () => {
    const controller = new AbortController()
    const stopped = download({
      signal: controller.signal,
      onProgress: ({ done, total }) => done === total && controller.abort()
    })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    expect(statSync(partial()).size).toBe(zip.length)
    await expectWhole()
    expect(server.ranges).toHaveLength(1)
  })

  test('that is stopped while it is unpacked keeps the zip file', async () => {
    const controller = new AbortController()
    const stopped = download({
      signal: controller.signal,
      onProgress: ({ stage }) => stage === 'unpack' && controller.abort()
    })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    expect(readdirSync(folder)).toEqual(['harbour.zip.partial'])
    await expectWhole()
    expect(server.ranges).toHaveLength(1)
  })

  test('is for one process at a time', async () => {
    const lock = await WriterLock.acquire(join(folder, 'harbour.lock'))
    await expect(download()).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      problem: expect.stringContaining(`pid ${process.pid}`)
    })
    await lock.release()
    await expectWhole()
  })

  test('that no disk has room for is refused before it begins', async () => {
    const claimed = { headers: { 'content-length': String(2 ** 52) } }
    // A response whose length is a claim: the server's own is always right.
    const { createServer } = await import('node:http')
    const liar = createServer((_, response) => response.writeHead(200, claimed.headers).write('x'))
    await new Promise<void>(resolve => liar.listen(0, '127.0.0.1', resolve))
    const { port } = liar.address() as { port: number }
    await expect(download({ from: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      problem: expect.stringMatching(/4503599627370496 bytes, and the disk has \d+ free/)
    })
    liar.closeAllConnections()
    liar.close()
    expect(existsSync(partial())).toBe(false)
  })
})
