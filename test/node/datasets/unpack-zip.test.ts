import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { strToU8, type Zippable, zipSync } from 'fflate'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { datasetSettings } from '../../../src/node/datasets/dataset-settings.ts'
import { downloadWith } from '../../../src/node/datasets/download-dataset.ts'
import { type ZipPart, zipOf } from '../../encoder/torch-file.ts'
import { FakeZipServer, md5 } from './fake-zip-server.ts'

let server: FakeZipServer
/** The data sets' folder lies in one that is watched, for what leads out of it. */
let around: string
beforeAll(async () => {
  server = await FakeZipServer.start()
})
afterAll(() => server.close())
beforeEach(() => {
  server.reset()
  around = mkdtempSync(join(tmpdir(), 'esplanade-unpack-'))
})
afterEach(() => rmSync(around, { recursive: true, force: true }))

/** Downloads what has the right sum and is to be unpacked, whatever it is. */
async function unpack(zip: Uint8Array): Promise<string> {
  server.files.set('set.zip', zip)
  const options = { to: join(around, 'sets'), from: server.url, md5: md5(zip) }
  return (await downloadWith(datasetSettings('set', options, {}))).path
}

const corpus = strToU8('{"_id": "a", "text": "b"}\n')
const beir: Zippable = { 'set/corpus.jsonl': corpus }
const part = (name: string, more: Partial<ZipPart> = {}): ZipPart => ({
  name,
  packed: corpus,
  crc32: crc32(corpus),
  ...more
})
const own = part('corpus.jsonl')
const zeros = new Uint8Array(2 ** 24)
const bomb = deflateRawSync(zeros, { level: 9 })
const link = (target: string): [Uint8Array, object] => [
  strToU8(target),
  { os: 3, attrs: (0o120777 << 16) >>> 0 }
]

test('files of any content, at any depth, stored and deflated', async () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,6}$/)
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map(names => `${names.join('/')}.x`)
  const content = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(9e5)))
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(path, content, { maxKeys: 8 }),
      fc.constantFrom<0 | 6>(0, 6),
      fc.constantFrom('', 'set/', 'other name/'),
      async (files, level, root) => {
        const all = { ...files, 'corpus.jsonl': corpus }
        const zippable: Zippable = {}
        for (const [name, bytes] of Object.entries(all)) zippable[root + name] = [bytes, { level }]
        const folder = await unpack(zipSync(zippable))
        for (const [name, bytes] of Object.entries(all)) {
          expect(readFileSync(join(folder, name)).equals(bytes), name).toBe(true)
        }
        rmSync(folder, { recursive: true })
      }
    ),
    { numRuns: 25 }
  )
})

test('sizes and places in 64 bits', async () => {
  const packed = deflateRawSync(zeros.subarray(0, 5000))
  const deflated = { packed, method: 8, size: 5000, crc32: crc32(zeros.subarray(0, 5000)) }
  const folder = await unpack(zipOf([own, part('zeros', deflated)], true))
  expect(readFileSync(join(folder, 'zeros')).equals(zeros.subarray(0, 5000))).toBe(true)
})

test('what macOS adds is left out', async () => {
  const folder = await unpack(
    zipSync({ ...beir, '__MACOSX/set/._corpus.jsonl': corpus, 'set/.DS_Store': corpus })
  )
  expect(readdirSync(folder)).toEqual(['corpus.jsonl'])
})

describe('nothing is written of a zip', () => {
  const elsewhere = 'has a path that leads elsewhere, or that no file may have'
  test.each<[string, Uint8Array, string]>([
    ['with a path upwards', zipSync({ ...beir, '../evil': corpus }), elsewhere],
    ['with one in its midst', zipSync({ ...beir, 'set/../../evil': corpus }), elsewhere],
    ['with an absolute path', zipSync({ ...beir, '/tmp/esplanade-evil': corpus }), elsewhere],
    ['with a path of Windows', zipSync({ ...beir, '..\\evil': corpus }), elsewhere],
    ['with a drive', zipSync({ ...beir, 'C:evil': corpus }), elsewhere],
    ['with a folder upwards', zipOf([own, part('../', { packed: new Uint8Array(0) })]), elsewhere],
    ['with a link', zipSync({ ...beir, 'set/queries.jsonl': link('/etc/passwd') }), 'is a link'],
    [
      'with a link to a folder, and a file in it',
      zipSync({ ...beir, 'set/out': link('../..'), 'set/out/evil': corpus }),
      'is a link'
    ],
    [
      'with two files that differ in case',
      zipSync({ ...beir, 'set/Corpus.jsonl': corpus }),
      'differs from another in case only'
    ],
    ['that is encrypted', zipOf([part('corpus.jsonl', { flags: 1 })]), 'is encrypted'],
    ['packed by LZMA', zipOf([part('corpus.jsonl', { method: 14 })]), 'compressed by method 14'],
    [
      'that claims a thousandfold size',
      zipOf([own, part('bomb', { packed: bomb, method: 8, size: zeros.length })]),
      `claims to unpack ${bomb.length} bytes to ${zeros.length}`
    ],
    ['without a corpus', zipSync({ 'set/readme.txt': corpus }), 'holds no corpus.jsonl'],
    ['without files', zipSync({}), 'holds no corpus.jsonl'],
    ['that is none', strToU8('<html>Please log in</html>'), 'no directory at its end'],
    ['that is cut short', zipSync(beir).slice(0, -30), 'no directory at its end']
  ])('%s', async (_, zip, problem) => {
    await expect(unpack(zip)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      problem: expect.stringContaining(problem),
      remedy: expect.stringContaining('It was removed')
    })
    expect(readdirSync(around, { recursive: true })).toEqual(['sets'])
    expect(existsSync('/tmp/esplanade-evil')).toBe(false)
  })

  test('whose entries share their bytes', async () => {
    // Two entries whose places are those of the first: each is sound by itself.
    const zip = Buffer.from(zipOf([own, part('queries.jsonl'), part('third')]))
    const first = zip.indexOf(Buffer.of(0x50, 0x4b, 1, 2))
    const second = zip.indexOf(Buffer.of(0x50, 0x4b, 1, 2), first + 1)
    // The local headers count, too, so a few overlaps of small entries fit the file; claim more.
    for (const at of [first, second]) {
      zip.writeUInt32LE(zip.length - 60, at + 20)
      zip.writeUInt32LE(zip.length - 60, at + 24)
      zip.writeUInt32LE(0, at + 42)
    }
    await expect(unpack(zip)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      problem: expect.stringMatching(/its entries claim \d+ bytes of a file of \d+/)
    })
  })
})

describe('nothing is left of a zip', () => {
  const packed = deflateRawSync(zeros.subarray(0, 50_000))
  const sum = crc32(zeros.subarray(0, 50_000))
  const file = (more: Partial<ZipPart>) =>
    zipOf([own, part('zeros', { packed, method: 8, size: 50_000, crc32: sum, ...more })])
  test.each<[string, Uint8Array, string]>([
    ['that unpacks to more than it says', file({ size: 49_999 }), 'to more than 49999 bytes'],
    ['that unpacks to less', file({ size: 50_001 }), 'to 50000 bytes, and not to 50001'],
    ['with another checksum', file({ crc32: sum ^ 1 }), 'has another checksum'],
    ['whose stream ends too early', file({ packed: packed.slice(0, -5) }), 'cannot be unpacked'],
    ['whose stream is none', file({ packed: Buffer.alloc(60, 255) }), 'cannot be unpacked'],
    ['with nothing to unpack', file({ packed: new Uint8Array(0) }), 'has nothing to unpack']
  ])('%s', async (_, zip, problem) => {
    await expect(unpack(zip)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      problem: expect.stringContaining(problem)
    })
    expect(readdirSync(around, { recursive: true })).toEqual(['sets'])
  })
})
