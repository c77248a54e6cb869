import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-check-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Document n: a vector of three terms, two passages now and then, metadata of every type. */
export function documentOf(n: number): UpsertDocument {
  const vector = sparseVector([n % 13, 20 + (n % 7), 40], [1 + (n % 10) / 7, 0.3 + n / 97, 0.1])
  const metadata = {
    n,
    title: `Pier ${n % 9}`,
    tags: ['sea', n % 2 === 0 ? 'even' : 'odd', 'sea'],
    built: new Date(1e12 + n),
    open: { now: n % 3 === 0, since: null }
  }
  const common = { key: `k${n}`, namespace: n % 4 === 0 ? 'tenant' : '', metadata }
  if (n % 5 !== 0) return { ...common, text: `pier ${n}`, vector }
  const second = sparseVector([n % 11, 30], [0.7, 1.1])
  return {
    ...common,
    text: 'first second',
    dense: [n, -0.5],
    passages: [
      { start: 0, end: 5, vector },
      { start: 6, end: 12, vector: second }
    ]
  }
}

/**
 * A collection of 5 segments with dead entries and documents in memory, closed: documents 0 to 599, but
 * for those of whose number 17 is a divisor, which are gone, and 100 to 119, which were written anew.
 */
export async function makeCollection(): Promise<string> {
  const directory = join(temporaryFolder(), 'collection')
  cpSync(await templateCollection(), directory, { recursive: true })
  return directory
}

/** The one that {@link makeCollection} copies, to be read only. */
export function templateCollection(): Promise<string> {
  template ??= makeTemplate()
  return template
}

/** Made once in a file of tests. */
let template: Promise<string> | undefined
let templateFolder: string | undefined

afterAll(() => {
  if (templateFolder !== undefined) rmSync(templateFolder, { recursive: true, force: true })
})

async function makeTemplate(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-template-'))
  templateFolder = folder
  const directory = join(folder, 'collection')
  await using collection = await openCollection(directory, { model: null })
  await fill(collection)
  return directory
}

async function fill(collection: Collection): Promise<void> {
  const documents = Array.from({ length: 600 }, (_, n) => documentOf(n))
  for (let first = 0; first < 500; first += 100) {
    await collection.upsert(documents.slice(first, first + 100))
    await collection.flush()
  }
  await collection.upsert(documents.slice(500))
  await collection.upsert(documents.slice(100, 120))
  for (const namespace of ['', 'tenant']) {
    const keys = documents.flatMap(({ key }, n) => (n % 17 === 0 ? [key] : []))
    await collection.delete(keys, { namespace })
  }
}

/** All that a collection gives for some queries. */
export async function answersOf(directory: string): Promise<unknown> {
  await using collection = await openCollection(directory, { readOnly: true })
  const answers = []
  for (const namespace of ['', 'tenant']) {
    for (const term of [3, 22, 30, 40]) {
      const query = sparseVector([term, term + 1], [1, 0.5])
      answers.push((await collection.search(query, { k: 50, namespace })).hits)
      const filter = { tags: 'even', n: { $gt: 90 } }
      answers.push((await collection.search(query, { k: 50, namespace, filter })).hits)
    }
  }
  return answers
}

/** Changes one bit of a file, of the given byte counted from the start, or below 0 from the end. */
export function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 4
  writeFileSync(path, bytes)
}

/** Replaces the first occurrence of some bytes in a file by others, as many; says where. */
export function replaceBytes(path: string, from: Uint8Array, to: Uint8Array): number {
  const bytes = readFileSync(path)
  const at = bytes.indexOf(from)
  if (at < 0) throw new Error(`${path} does not hold these bytes`)
  bytes.set(to, at)
  writeFileSync(path, bytes)
  return at
}
