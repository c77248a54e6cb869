import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Metadata } from '../../src/corpus/metadata.ts'
import { andBits } from '../../src/filter/bits.ts'
import { typesOfMetadata } from '../../src/filter/check-types.ts'
import { Columns } from '../../src/filter/columns.ts'
import { ColumnsBuilder } from '../../src/filter/columns-builder.ts'
import { matches } from '../../src/filter/matches.ts'
import { parseFilter } from '../../src/filter/parse-filter.ts'
import { type DocumentBits, listBits } from '../../src/search/document-bits.ts'
import { filter, metadata } from './arbitrary.ts'

/** Documents of the namespaces '' and 'other' in turn, all of '' unless said. */
async function columnsOf(
  documents: readonly Metadata[],
  namespaceOf: (docId: number) => string = () => ''
): Promise<Columns> {
  const builder = new ColumnsBuilder(documents.length)
  for (const [docId, fields] of documents.entries()) {
    builder.add(docId, namespaceOf(docId), fields)
  }
  return Columns.open(await builder.finish())
}

/** Members of a set, which must be what it says of itself. */
function members(bits: DocumentBits, numDocuments: number): number[] {
  expect(bits.bits.length).toBe(Math.ceil(numDocuments / 8))
  const list = [...listBits(bits)]
  expect(list.length).toBe(bits.size)
  expect(list.every(docId => docId < numDocuments)).toBe(true)
  return list
}

const passing = (documents: readonly Metadata[], json: unknown): number[] => {
  const parsed = parseFilter(json)
  return [...documents.keys()].filter(docId => matches(parsed, documents[docId]!))
}

test('columns and rows agree on random metadata and filters', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(metadata, { maxLength: 40 }),
      fc.array(filter, { minLength: 1, maxLength: 10 }),
      async (documents, filters) => {
        const columns = await columnsOf(documents)
        for (const json of filters) {
          const found = members(columns.evaluate(parseFilter(json)), documents.length)
          expect(found).toEqual(passing(documents, json))
        }
      }
    ),
    { numRuns: 2000 }
  )
})

test('types by namespace are those of its documents', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(metadata, { maxLength: 12 }), async documents => {
      const columns = await columnsOf(documents, docId => `${docId % 2}`)
      for (const path of ['a', 'b', 'a.b', '__proto__', 'missing', '']) {
        for (const namespace of ['0', '1', '2']) {
          const own = documents.filter((_, docId) => `${docId % 2}` === namespace)
          const types = new Set(own.flatMap(fields => [...typesOfMetadata(fields, path)]))
          expect(columns.typesOf(path, namespace)).toEqual(types)
          expect(columns.typesOf(path, namespace)).toEqual(types)
        }
      }
    }),
    { numRuns: 200 }
  )
})

describe('many documents', () => {
  const numDocuments = 150_000
  const kind = (docId: number) =>
    ['rare', 'common', 'half'][docId % 1000 === 0 ? 0 : (docId % 2) + 1]!
  const documents = Array.from(
    { length: numDocuments },
    (_, docId): Metadata => ({
      // Bitmaps of all three kinds of containers, and runs of documents.
      kind: kind(docId),
      early: docId < 70_000,
      number: Math.imul(docId, 0x9e3779b1) >>> 8,
      group: Math.floor(docId / 40),
      tags: [`t${docId % 7}`, `t${docId % 11}`, `t${docId % 7}`],
      ...(docId % 3 === 0 ? { third: [docId, docId + 1] } : {})
    })
  )

  test('in any order make the same bytes, and answer as the rows do', async () => {
    const builders = [new ColumnsBuilder(numDocuments), new ColumnsBuilder(numDocuments)]
    for (let i = 0; i < numDocuments; i++) {
      const shuffled = Number((BigInt(i) * 7919n) % BigInt(numDocuments))
      builders[0]!.add(i, '', documents[i]!)
      builders[1]!.add(shuffled, '', documents[shuffled]!)
    }
    const [bytes, others] = await Promise.all(builders.map(builder => builder.finish()))
    expect(Buffer.compare(bytes!, others!)).toBe(0)
    const columns = Columns.open(bytes!)
    const filters = [
      { kind: 'rare' },
      { kind: 'common' },
      { kind: { $ne: 'half' } },
      { early: true },
      { early: false, kind: { $startsWith: 'r' } },
      { number: { $gte: 4_000_000, $lt: 4_100_000 } },
      { number: { $lt: 8_000_000 }, group: { $gt: 100 } },
      { group: { $in: [0, 5, 3749, 9999] } },
      { tags: 't10' },
      { tags: { $gt: 't3', $lt: 't2' } },
      { third: { $gt: 6, $lt: 7 } },
      { third: { $exists: true } },
      { $or: [{ third: { $exists: false } }, { tags: 't0' }], early: true }
    ]
    for (const json of filters) {
      const found = members(columns.evaluate(parseFilter(json)), numDocuments)
      expect(found.length, JSON.stringify(json)).toBeGreaterThan(0)
      expect(found, JSON.stringify(json)).toEqual(passing(documents, json))
    }
  })

  test('10,000 clauses of every kind take little time', async () => {
    const columns = await columnsOf(documents)
    const times = <Part>(part: (i: number) => Part) =>
      Array.from({ length: 10_000 }, (_, i) => part(i))
    for (const json of [
      { $or: times(i => ({ group: i })) },
      { $and: times(i => ({ group: { $ne: i } })) },
      { $and: times(i => ({ group: { $lt: 20_000 - i } })) },
      { $and: times(() => ({ tags: 't10' })) },
      { group: { $nin: times(i => i) } }
    ]) {
      const start = performance.now()
      columns.evaluate(parseFilter(json))
      expect(performance.now() - start).toBeLessThan(5000)
    }
  })
})

describe('namespaces', () => {
  it('are told apart, whatever they are called', async () => {
    const names = ['', 'a', '__proto__', 'ü😀', '\ud83d']
    const documents = Array.from({ length: 23 }, (_, i): Metadata => ({ namespace: i, '': 'x' }))
    const columns = await columnsOf(documents, docId => names[docId % names.length]!)
    for (const [i, name] of names.entries()) {
      const bits = columns.namespaceBits(name) as DocumentBits
      const expected = [...documents.keys()].filter(docId => docId % names.length === i)
      expect(members(bits, 23)).toEqual(expected)
      const both = andBits(bits, columns.evaluate(parseFilter({ namespace: { $lt: 9 } })))
      expect(members(both, 23)).toEqual(expected.filter(docId => docId < 9))
    }
    expect(columns.namespaceBits('b')).toBe('none')
  })

  it('may be one, or none', async () => {
    expect((await columnsOf([{}, {}])).namespaceBits('')).toBe('all')
    expect((await columnsOf([{}, {}])).namespaceBits('x')).toBe('none')
    const empty = await columnsOf([])
    expect(empty.namespaceBits('')).toBe('none')
    expect(empty.evaluate(parseFilter({ $not: { a: 1 } }))).toEqual({
      bits: new Uint8Array(0),
      size: 0
    })
  })

  it('do not learn the types of each other', async () => {
    const documents: Metadata[] = [{ secret: 1 }, {}, { open: 'x' }, { open: 2 }]
    const columns = await columnsOf(documents, docId => ['a', 'b'][docId % 2]!)
    expect(columns.typesOf('secret', 'a')).toEqual(new Set(['number']))
    expect(columns.typesOf('secret', 'b')).toEqual(new Set())
    expect(columns.typesOf('open', 'a')).toEqual(new Set(['string']))
    expect(columns.typesOf('open', 'b')).toEqual(new Set(['number']))
    expect(columns.typesOf('open', 'c')).toEqual(new Set())
  })
})

test('documents are added once, all of them', async () => {
  const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  expect(() => new ColumnsBuilder(-1)).toThrow(refused)
  expect(() => new ColumnsBuilder(2 ** 24 + 1)).toThrow(refused)
  const builder = new ColumnsBuilder(2)
  builder.add(1, '', {})
  for (const docId of [1, 2, -1, 0.5]) expect(() => builder.add(docId, '', {})).toThrow(refused)
  await expect(builder.finish()).rejects.toThrow(refused)
})

test('a million distinct values take at most 16 bytes each over their text', async () => {
  const numDocuments = 100_000
  const builder = new ColumnsBuilder(numDocuments)
  let textBytes = 0
  for (let docId = 0; docId < numDocuments; docId++) {
    const text = `document ${docId}`
    textBytes += text.length
    builder.add(docId, '', { text, number: docId / 3 })
  }
  const { length } = await builder.finish()
  expect((length - textBytes) / (2 * numDocuments)).toBeLessThan(16)
})

test('a document of very many long paths stays within bounds', async () => {
  const names = Array.from({ length: 5000 }, (_, i) => [`n${i}`, 1])
  const hostile = { ['x'.repeat(100_000)]: Object.fromEntries(names), y: 1 }
  const builder = new ColumnsBuilder(1)
  builder.add(0, '', hostile)
  expect((await builder.finish()).length).toBeLessThan(1000)
})
