import { cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { checkCollection } from '../../src/node/check-collection.ts'
import { generationPaths, readManifest } from '../../src/node/collection-files.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { repairCollection } from '../../src/node/repair-collection.ts'
import {
  answersOf,
  documentOf,
  flipBit,
  makeCollection,
  templateCollection,
  temporaryFolder
} from './checked-collection.ts'

let whole: unknown

beforeAll(async () => {
  whole = await answersOf(await templateCollection())
})

const segment = (directory: string, name: string) =>
  join(generationPaths(directory, 'g1').segments, name)

/** Damages that leave the documents whole. */
const damages: Record<string, (directory: string) => void> = {
  'collection.json is missing': directory => rmSync(join(directory, 'collection.json')),
  'collection.json is empty': directory => writeFileSync(join(directory, 'collection.json'), ''),
  'collection.json is damaged': directory => flipBit(join(directory, 'collection.json'), 50),
  'the manifest is missing': directory => rmSync(generationPaths(directory, 'g1').manifest),
  'the manifest is empty': directory =>
    writeFileSync(generationPaths(directory, 'g1').manifest, ''),
  'the manifest points nowhere': directory =>
    rmSync(generationPaths(directory, 'g1').segments, { recursive: true }),
  'a segment is missing': directory => rmSync(segment(directory, '000002.esp')),
  'a segment is cut short': directory => truncateSync(segment(directory, '000001.esp'), 1000),
  'a bit of a segment is flipped': directory => flipBit(segment(directory, '000004.esp'), -100),
  'columns are missing': directory => rmSync(segment(directory, '000003.columns')),
  'a bit of columns is flipped': directory => flipBit(segment(directory, '000005.columns'), -20),
  'two segments are swapped': directory => {
    for (const extension of ['esp', 'columns']) {
      const [a, b] = [`000001.${extension}`, `000002.${extension}`]
      renameSync(segment(directory, a), segment(directory, 'x'))
      renameSync(segment(directory, b), segment(directory, a))
      renameSync(segment(directory, 'x'), segment(directory, b))
    }
  },
  'everything but the documents and settings is gone': directory => {
    const { manifest, segments } = generationPaths(directory, 'g1')
    for (const path of [manifest, segments, join(directory, 'collection.json')]) {
      rmSync(path, { recursive: true })
    }
  }
}

test.each(Object.keys(damages))(
  'Where %s, no answer is wrong, and a repair mends it.',
  async name => {
    const directory = await makeCollection()
    damages[name]!(directory)
    await expect(answersOf(directory)).rejects.toMatchObject({
      code: expect.stringMatching(/COLLECTION_(CORRUPT|NOT_FOUND)/)
    })
    const documents = readFileSync(dataOf(directory))
    const { steps, report } = await repairCollection(directory)
    expect(steps.length).toBeGreaterThan(0)
    expect(report).toMatchObject({ isClean: true, findings: [] })
    expect(await answersOf(directory)).toEqual(whole)
    const after = readFileSync(dataOf(directory))
    expect(after.equals(documents), 'the documents were only read').toBe(true)
  }
)

function dataOf(directory: string): string {
  return join(generationPaths(directory, 'g1').store, 'data.mdb')
}

/** The collection is one like any other. */
async function writesOn(directory: string): Promise<void> {
  await using collection = await openCollection(directory)
  await collection.upsert([documentOf(1), documentOf(900)])
  await collection.delete('k2')
  await collection.flush()
  expect((await checkCollection(directory)).isClean).toBe(true)
}

test('Only what is damaged is built anew.', async () => {
  const directory = await makeCollection()
  rmSync(segment(directory, '000002.esp'))
  const before = await readManifest(generationPaths(directory, 'g1'))
  const { steps } = await repairCollection(directory)
  expect(steps.map(({ file }) => file.slice(directory.length + 1))).toEqual([
    join('g1', 'segments', '000006.esp'),
    join('g1', 'manifest.json'),
    join('g1', 'segments', '000002.columns')
  ])
  const { segments, generation } = await readManifest(generationPaths(directory, 'g1'))
  expect(generation).toBe(before.generation + 1)
  expect(segments.filter(({ file }) => file !== '000006')).toEqual(
    before.segments.filter(({ file }) => file !== '000002')
  )
  expect((await repairCollection(directory)).steps).toEqual([])
  await writesOn(directory)
})

test('Segments that a power cut has left ahead of the documents are built anew.', async () => {
  const directory = await makeCollection()
  const { store } = generationPaths(directory, 'g1')
  const earlier = join(temporaryFolder(), 'store')
  cpSync(store, earlier, { recursive: true })
  {
    await using collection = await openCollection(directory)
    await collection.delete(['k3', 'k7'])
    await collection.upsert([documentOf(5), documentOf(700)])
    await collection.flush()
    await collection.compact()
  }
  rmSync(store, { recursive: true })
  cpSync(earlier, store, { recursive: true })
  await expect(openCollection(directory)).rejects.toMatchObject({ code: 'COLLECTION_CORRUPT' })
  const { report } = await repairCollection(directory)
  expect(report.isClean).toBe(true)
  expect(await answersOf(directory)).toEqual(whole)
  await writesOn(directory)
})

test('A repair refuses damaged documents, names their keys and changes nothing.', async () => {
  const directory = await makeCollection()
  const data = dataOf(directory)
  const bytes = readFileSync(data)
  for (let at = bytes.indexOf('pier 333'); at >= 0; at = bytes.indexOf('pier 333', at + 1)) {
    bytes[at] = 0x50
  }
  writeFileSync(data, bytes)
  rmSync(segment(directory, '000002.esp'))
  const before = readFileSync(generationPaths(directory, 'g1').manifest, 'utf8')
  await expect(repairCollection(directory)).rejects.toMatchObject({
    code: 'COLLECTION_CORRUPT',
    problem: expect.stringContaining('"k333"'),
    remedy: expect.stringContaining('esplanade restore')
  })
  expect(readFileSync(generationPaths(directory, 'g1').manifest, 'utf8')).toBe(before)
})

test('A repair waits for nobody: while the collection is written to, it is refused.', async () => {
  const directory = await makeCollection()
  await using _collection = await openCollection(directory)
  await expect(repairCollection(directory)).rejects.toMatchObject({ code: 'COLLECTION_LOCKED' })
})
