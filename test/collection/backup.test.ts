import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkCollection } from '../../src/node/check-collection.ts'
import { generationPaths } from '../../src/node/collection-files.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { restoreCollection } from '../../src/node/restore-collection.ts'
import { answersOf, documentOf, makeCollection, temporaryFolder } from './checked-collection.ts'

test('A backup taken while writes go on is a whole collection of one point in time.', async () => {
  const directory = await makeCollection()
  const to = join(temporaryFolder(), 'backup')
  await using collection = await openCollection(directory)
  let isWriting = true
  const writing = (async () => {
    for (let n = 1000; isWriting; n += 10) {
      await collection.upsert(Array.from({ length: 10 }, (_, i) => documentOf(n + i)))
      await collection.delete(`k${n - 5}`)
      if (n % 50 === 0) await collection.flush()
    }
  })()
  await collection.backup(to)
  isWriting = false
  await writing
  expect((await checkCollection(to)).findings).toEqual([])
  expect((await checkCollection(directory)).isClean).toBe(true)
  await expect(collection.backup(to)).rejects.toMatchObject({ code: 'COLLECTION_EXISTS' })
  expect(readdirSync(to).sort()).toEqual(['collection.json', 'g1'])
})

test('A restored collection answers as the one that was backed up, which is moved aside.', async () => {
  const directory = await makeCollection()
  const answers = await answersOf(directory)
  const backup = join(temporaryFolder(), 'backup')
  {
    await using collection = await openCollection(directory)
    await collection.backup(backup)
    await collection.upsert([documentOf(2000)])
  }
  rmSync(join(generationPaths(directory, 'g1').store, 'data.mdb'))
  await expect(restoreCollection(backup, directory)).rejects.toMatchObject({
    code: 'COLLECTION_EXISTS'
  })
  const { replaced, numDocuments } = await restoreCollection(backup, directory, { overwrite: true })
  expect(numDocuments).toBe(564)
  expect(await answersOf(directory)).toEqual(answers)
  expect((await checkCollection(directory)).findings).toEqual([])
  expect(replaced).toMatch(/\.replaced-\d{4}-/)
  expect(readdirSync(replaced!).sort()).toEqual(['collection.json', 'g1'])
  await using collection = await openCollection(directory)
  await collection.upsert([documentOf(2001)])
  await expect(restoreCollection(backup, directory, { overwrite: true })).rejects.toMatchObject({
    code: 'COLLECTION_LOCKED'
  })
})

test('A backup is restored where nothing is; a damaged one never.', async () => {
  const backup = await makeCollection()
  const folder = temporaryFolder()
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  expect(await restoreCollection(backup, join(folder, 'new'))).not.toHaveProperty('replaced')
  expect(await answersOf(join(folder, 'new'))).toEqual(await answersOf(backup))
  await restoreCollection(backup, empty)
  expect((await checkCollection(empty)).isClean).toBe(true)
  rmSync(join(generationPaths(backup, 'g1').segments, '000001.esp'))
  const target = join(folder, 'target')
  writeFileSync(target, 'something else')
  await expect(restoreCollection(backup, target, { overwrite: true })).rejects.toMatchObject({
    code: 'COLLECTION_CORRUPT',
    problem: expect.stringContaining('the backup is not whole')
  })
  expect(readFileSync(target, 'utf8')).toBe('something else')
  const { replaced } = await restoreCollection(empty, target, { overwrite: true })
  expect(readFileSync(replaced!, 'utf8')).toBe('something else')
  expect(existsSync(join(target, 'collection.json'))).toBe(true)
})
