import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { afterAll, expect, it } from 'vitest'
import { checkLmdbFile } from '../../src/node/lmdb-file-check.ts'
import { randomNumbers } from '../collection/kill/random.mjs'

const PAGE_BYTES = 4096
const folder = mkdtempSync(join(tmpdir(), 'esplanade-lmdb-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How many pages the file counts, be they written or not. */
function numPages(root: RootDatabase): number {
  return (root.getStats() as { lastPageNumber: number }).lastPageNumber + 1
}

/** Puts and removes in single transactions until the last pages were taken and given back in one. */
async function writeShortFile(path: string, seed: number): Promise<boolean> {
  const random = randomNumbers(seed)
  const options = { path, noSubdir: true, encoding: 'binary', overlappingSync: false } as const
  const root: RootDatabase<Buffer, number> = open<Buffer, number>(options)
  const database: Database<Buffer, number> = root.openDB('documents', { encoding: 'binary' })
  let numKeys = 0
  let isShort = false
  for (let batch = 0; batch < 10 && !isShort; batch++) {
    const [numAdded, size, share] = [60 * random(), Math.floor(3000 * random()), random()]
    await root.batch(() => {
      for (let i = 0; i < numAdded; i++) database.put(numKeys++, Buffer.alloc(size))
      for (let key = 0; key < numKeys; key++) if (random() < share) database.remove(key)
    })
    isShort = statSync(path).size < numPages(root) * PAGE_BYTES
  }
  await root.close()
  return isShort
}

it('a file whose last pages are free and were never written is whole; one that is cut is not', async () => {
  let path = ''
  let isShort = false
  for (let seed = 1; seed <= 100 && !isShort; seed++) {
    path = join(folder, `${seed}.mdb`)
    isShort = await writeShortFile(path, seed)
  }
  expect(isShort).toBe(true)
  expect(await checkLmdbFile(path)).toBe(true)
  expect(await checkLmdbFile(path, { allPages: true })).toBe(true)
  // Each cut takes a page away; those that a tree names are missed.
  let refusal: unknown
  for (let pages = statSync(path).size / PAGE_BYTES - 1; pages > 2 && !refusal; pages--) {
    truncateSync(path, pages * PAGE_BYTES)
    refusal = await checkLmdbFile(path).then(
      () => undefined,
      (error: unknown) => error
    )
  }
  expect(refusal).toMatchObject({ code: 'COLLECTION_CORRUPT' })
})
