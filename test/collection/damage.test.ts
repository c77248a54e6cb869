import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EsplanadeError, open } from 'esplanade'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CollectionDocument } from '../../src/collection/snapshot.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import { repairCollection } from '../../src/node/repair-collection.ts'
import { restoreCollection } from '../../src/node/restore-collection.ts'
import { madeDocuments } from './kill/documents.ts'
import { searchProblems, storedDocuments } from './kill/oracle.ts'
import { randomNumbers } from './kill/random.mjs'

/** `DAMAGES=1000` tries more random places; a failure names its seed. */
const NUM_RANDOM = Number(process.env.DAMAGES ?? 12)
const SEED = Number(process.env.DAMAGE_SEED ?? Math.floor(Math.random() * 2 ** 24))
const random = randomNumbers(SEED)
const upTo = (count: number): number => Math.floor(random() * count)

const folder = mkdtempSync(join(tmpdir(), 'esplanade-damage-'))
const whole = join(folder, 'whole')
/** The same collection before its last documents were written. */
const older = join(folder, 'older')
const STORE = 'g1/store/data.mdb'
const MANIFEST = 'g1/manifest.json'
let stored: readonly CollectionDocument[]
let segments: readonly string[]
let numCopies = 0

beforeAll(async () => {
  const collection = await open(whole, { model: null })
  for (const seed of [1, 2, 3]) {
    await collection.upsert(madeDocuments(70, seed, `s${seed}-`))
    await collection.flush()
    if (seed === 2) await collection.backup(older)
  }
  await collection.delete(['s1-1', 's2-2', 's3-3'])
  await collection.upsert(madeDocuments(25, 4))
  stored = await storedDocuments(collection)
  await collection.close()
  segments = readdirSync(join(whole, 'g1/segments')).map(name => `g1/segments/${name}`)
  expect(segments.length).toBe(6)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A copy of the whole collection, of which one file is changed; undefined removes it. */
function damagedCopy(file: string, change: (bytes: Buffer) => Buffer | undefined): string {
  const copy = join(folder, `copy ${++numCopies}`)
  cpSync(whole, copy, { recursive: true })
  const path = join(copy, file)
  const changed = change(readFileSync(path))
  if (changed === undefined) rmSync(path)
  else writeFileSync(path, changed)
  return copy
}

/** What `open` says; undefined if all is as it was. */
async function refusal(directory: string, expected = stored): Promise<EsplanadeError | undefined> {
  try {
    await using collection = await open(directory, { model: null })
    expect(await storedDocuments(collection)).toEqual(expected)
    expect(await searchProblems(collection, expected, randomNumbers(SEED), 12)).toEqual([])
    return undefined
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    return error
  }
}

async function expectRepaired(directory: string, expected = stored): Promise<void> {
  const { report } = await repairCollection(directory)
  expect(report.isClean).toBe(true)
  expect(await refusal(directory, expected)).toBeUndefined()
}

const flipped = (bytes: Buffer): Buffer => {
  bytes[upTo(bytes.length)]! ^= 1 << upTo(8)
  return bytes
}

const damages: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
  missing: () => undefined,
  empty: () => Buffer.alloc(0),
  'cut to one byte': bytes => bytes.subarray(0, 1),
  'cut in the middle': bytes => bytes.subarray(0, bytes.length >> 1),
  // JSON ends with a line break, which nobody misses.
  'cut by two bytes': bytes => bytes.subarray(0, -2),
  'one byte longer': bytes => Buffer.concat([bytes, Buffer.of(0)]),
  garbage: bytes => bytes.fill(0xa5),
  zeros: bytes => bytes.fill(0)
}

describe('a damaged file is named with the remedy, and repaired', () => {
  for (const [name, damage] of Object.entries(damages)) {
    it(`segments and columns: ${name}`, async () => {
      for (const file of segments) {
        const copy = damagedCopy(file, damage)
        const error = await refusal(copy)
        expect(error?.code, error?.message).toBe('COLLECTION_CORRUPT')
        expect(error!.message).toContain(join(copy, file))
        expect(error!.message).toContain(`esplanade repair ${copy}`)
        expect((await checkCollection(copy)).isRepairable).toBe(true)
        await expectRepaired(copy)
        rmSync(copy, { recursive: true })
      }
    })

    it(`the manifest: ${name}`, async () => {
      const copy = damagedCopy(MANIFEST, damage)
      const error = await refusal(copy)
      expect(error?.code, error?.message).toBe('COLLECTION_CORRUPT')
      expect(error!.message).toContain(join(copy, MANIFEST))
      expect(error!.message).toContain(`esplanade repair ${copy}`)
      await expectRepaired(copy)
    })

    it(`collection.json: ${name}`, async () => {
      const copy = damagedCopy('collection.json', damage)
      const error = await refusal(copy)
      expect(error?.code, error?.message).toBe('COLLECTION_CORRUPT')
      expect(error!.message).toContain(join(copy, 'collection.json'))
      expect(error!.message).toContain(`esplanade repair ${copy}`)
      await expectRepaired(copy)
    })

    it(`settings: ${name}`, async () => {
      const copy = damagedCopy('g1/settings.json', damage)
      const error = await refusal(copy)
      expect(error?.code, error?.message).toBe('COLLECTION_CORRUPT')
      expect(error!.message).toContain(join(copy, 'g1/settings.json'))
      expect(error!.message).toContain('Restore')
      await restoreCollection(older, copy, { overwrite: true })
      expect((await checkCollection(copy)).isClean).toBe(true)
    })
  }

  it('one bit, anywhere', async () => {
    const files = [...segments, MANIFEST, 'collection.json']
    for (let i = 0; i < NUM_RANDOM; i++) {
      const file = files[upTo(files.length)]!
      const copy = damagedCopy(file, flipped)
      const error = await refusal(copy)
      const context = `${file}, DAMAGE_SEED=${SEED}`
      if (error !== undefined) {
        expect(error.code, context).toMatch(/^COLLECTION_(CORRUPT|VERSION)$/)
        expect(error.message, context).toContain(join(copy, file))
      }
      if (error?.code !== 'COLLECTION_VERSION') await expectRepaired(copy)
      rmSync(copy, { recursive: true })
    }
  })

  it('a segment in the place of another', async () => {
    for (const kind of ['.esp', '.columns']) {
      const [first, second] = segments.filter(name => name.endsWith(kind)) as [string, string]
      const copy = damagedCopy(first, () => readFileSync(join(whole, second)))
      const error = await refusal(copy)
      expect(error?.code).toBe('COLLECTION_CORRUPT')
      expect(error!.message).toContain(join(copy, first))
      await expectRepaired(copy)
    }
  })

  it('a manifest that is older than its segments', async () => {
    // Its segments are there, and those that it does not know count as documents in memory.
    const copy = damagedCopy(MANIFEST, () => readFileSync(join(older, MANIFEST)))
    expect(await refusal(copy)).toBeUndefined()
    expect((await checkCollection(copy)).isClean).toBe(true)
  })

  it('documents that are older than the segments', async () => {
    const copy = damagedCopy(STORE, () => readFileSync(join(older, STORE)))
    const error = await refusal(copy)
    expect(error?.code).toBe('COLLECTION_CORRUPT')
    expect(error!.message).toMatch(/the store only up to 140.*esplanade repair/)
    await using collection = await open(older, { readOnly: true })
    await expectRepaired(copy, await storedDocuments(collection))
  })
})

interface Outcome {
  readonly directory: string
  /** A fingerprint of all that is there, or the error. */
  readonly read: string
  readonly checked: boolean | string
}

/** Reads collections in a process of their own, which must not end because of them. */
async function readAll(directories: readonly string[]): Promise<Outcome[]> {
  const program = fileURLToPath(new URL('./kill/read-all.mjs', import.meta.url))
  const output = await new Promise<string>((resolve, reject) => {
    const options = { timeout: 50_000, maxBuffer: 2 ** 26 }
    execFile(process.execPath, [program, ...directories], options, (error, stdout) => {
      const numRead = stdout.split('\n').length - 1
      const context = `at ${directories[numRead]}, DAMAGE_SEED=${SEED}`
      if (error) reject(new Error(`${error.signal} ${context}`, { cause: error }))
      else resolve(stdout)
    })
  })
  const lines = output.trim().split('\n')
  return lines.map((line, i) => ({ directory: directories[i]!, ...JSON.parse(line) }))
}

describe('damage of the documents themselves', () => {
  const PAGE = 4096

  /** Bytes of pages, chosen so that headers and offsets are hit, which LMDB believes. */
  const pageDamages: ((bytes: Buffer, page: number) => void)[] = [
    (bytes, page) => bytes.fill(0, page, page + PAGE),
    (bytes, page) => {
      for (let at = page; at < page + PAGE; at++) bytes[at] = upTo(256)
    },
    (bytes, page) => {
      bytes[page + upTo(64)]! ^= 1 << upTo(8)
    },
    (bytes, page) => {
      bytes[page + upTo(PAGE)]! ^= 1 << upTo(8)
    },
    (bytes, page) => {
      // A node of the page: its sizes, flags and key.
      const node = page + 24 + bytes.readUInt16LE(page + 24 + 2 * upTo(4))
      if (node + 16 < bytes.length) bytes[node + upTo(16)]! ^= 1 << upTo(8)
    },
    (bytes, page) => bytes.copy(bytes, page, PAGE * 2, PAGE * 3)
  ]

  it('is told by open or check, and ends no process', async () => {
    const copies = Array.from({ length: NUM_RANDOM * 4 }, (_, i) =>
      damagedCopy(STORE, bytes => {
        const page = PAGE * upTo(bytes.length / PAGE)
        pageDamages[i % pageDamages.length]!(bytes, page)
        return bytes
      })
    )
    const [{ read: expected, checked }, ...outcomes] = (await readAll([whole, ...copies])) as [
      Outcome,
      ...Outcome[]
    ]
    expect(checked).toBe(true)
    let numTold = 0
    for (const outcome of outcomes) {
      const context = `${JSON.stringify(outcome)}, DAMAGE_SEED=${SEED}`
      if (outcome.read !== expected) {
        // A key that became another one, in the same order, is only noticed by a check.
        expect(outcome.read, context).toMatch(/^[0-9a-f]{64}$|^EsplanadeError COLLECTION_/)
        expect(outcome.checked, context).not.toBe(true)
        if (outcome.read.startsWith('Esp')) numTold++
      }
      expect(String(outcome.checked), context).toMatch(/^(true|false|EsplanadeError COLL)/)
    }
    expect(numTold).toBeGreaterThan(NUM_RANDOM)
  })

  it('a file that was cut is refused', async () => {
    const { length } = readFileSync(join(whole, STORE))
    const lengths = [1, 100, PAGE, PAGE + 1, 2 * PAGE, length >> 1, length - PAGE, length - 1]
    const copies = lengths.map(size => damagedCopy(STORE, bytes => bytes.subarray(0, size)))
    for (const { read } of await readAll(copies)) {
      expect(read).toMatch(/^EsplanadeError COLLECTION_CORRUPT .*data\.mdb.*Restore/)
    }
  })

  it('a record with a wrong byte names its key, and a backup brings all back in one call', async () => {
    const copy = damagedCopy(STORE, bytes => {
      // LMDB may hold older copies of its page.
      const text = 'about s2-50;'
      for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text)) bytes[at]! ^= 1
      return bytes
    })
    const { findings, isClean, isRepairable } = await checkCollection(copy)
    expect({ isClean, isRepairable }).toEqual({ isClean: false, isRepairable: false })
    expect(findings).toMatchObject([{ code: 'record', key: 's2-50' }])
    await expect(repairCollection(copy)).rejects.toMatchObject({ code: 'COLLECTION_CORRUPT' })
    const backup = join(folder, 'backup')
    {
      await using collection = await open(whole, { model: null })
      await collection.backup(backup)
    }
    await restoreCollection(backup, copy, { overwrite: true })
    expect(await refusal(copy)).toBeUndefined()
  })
})
