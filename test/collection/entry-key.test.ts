import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EntrySeqs, entryKey, parseEntryKey } from '../../src/collection/entry-key.ts'
import type { Segment } from '../../src/segment/segment.ts'
import { SegmentBuilder } from '../../src/segment/segment-builder.ts'
import { writeSegments } from '../../src/segment/segment-writer.ts'
import { vectorOf } from './written-documents.ts'

const seqs = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.maxSafeNat().map(n => Math.max(n, 1))
)

describe('keys of entries', () => {
  it('say document and passage', () => {
    expect(entryKey(17, 0)).toBe('17')
    expect(entryKey(17, 2)).toBe('17.2')
    fc.assert(
      fc.property(seqs, fc.nat(99_999), (seq, passageIndex) => {
        expect(parseEntryKey(entryKey(seq, passageIndex))).toEqual({ seq, passageIndex })
      })
    )
  })

  const wrong = ['', '0', '01', '1.', '.1', '1.0', '1.01', '1.1.1', '-1', '1e3', '9007199254740992']
  it.each([...wrong, 'a', '1a', ' 1', '1.a'])('%j is none', key => {
    expect(() => parseEntryKey(key)).toThrow(/no entry key/)
  })

  it.each([...wrong.slice(1), '1a', '12345678901234567890123456789'])(
    '%j is none in a segment',
    async key => {
      const segment = await segmentOf([key])
      expect(() => EntrySeqs.of(segment, 'a.esp')).toThrow(
        expect.objectContaining({ code: 'COLLECTION_CORRUPT', place: 'a.esp' })
      )
    }
  )

  it.each([['2', '1'], ['1', '1.2'], ['1.1'], ['1', '2.1'], ['1', '1.1', '1.3'], ['10', '9']])(
    '%j, %j are not in order',
    async (...keys) => {
      const segment = await segmentOf(keys.filter(key => key !== undefined))
      expect(() => EntrySeqs.of(segment)).toThrow(/stands/)
    }
  )
})

describe('the documents of the entries', () => {
  it('are found both ways', async () => {
    const documents = fc.uniqueArray(seqs, { maxLength: 20 })
    const counts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 20, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(documents, counts, async (numbers, numPassages) => {
        numbers.sort((a, b) => a - b)
        const places = numbers.flatMap((seq, i) =>
          Array.from({ length: numPassages[i]! }, (_, passageIndex) => ({ seq, passageIndex }))
        )
        const keys = places.map(({ seq, passageIndex }) => entryKey(seq, passageIndex))
        const found = EntrySeqs.of(await segmentOf(keys))
        expect([...found.seqs]).toEqual(places.map(({ seq }) => seq))
        expect(found.numDocuments).toBe(numbers.length)
        expect(found.numEntries).toBe(places.length)
        expect([found.firstSeq, found.lastSeq]).toEqual([numbers[0] ?? 0, numbers.at(-1) ?? 0])
        for (const [entry, place] of places.entries()) {
          expect(found.placeOf(entry)).toEqual(place)
          expect(found.entryAt(place.seq, place.passageIndex)).toBe(entry)
          const all = places.flatMap(({ seq }, i) => (seq === place.seq ? [i] : []))
          expect(found.entriesOf(place.seq)).toEqual([all[0], all.at(-1)! + 1])
        }
        for (const seq of [0, 50, 1000, Number.MAX_SAFE_INTEGER]) {
          if (numbers.includes(seq)) continue
          const before = places.filter(place => place.seq < seq).length
          expect(found.entriesOf(seq)).toEqual([before, before])
          expect(found.entryAt(seq, 3)).toBe(before - 1)
        }
      }),
      { numRuns: 50 }
    )
  })
})

async function segmentOf(keys: readonly string[]): Promise<Segment> {
  const builder = new SegmentBuilder()
  for (const [i, key] of keys.entries()) builder.add(key, vectorOf(i))
  const segments = await writeSegments(builder.finish(), {
    metric: 'dot',
    precision: 'float32',
    metadata: {},
    windowDocuments: 512,
    maxSegmentBytes: 2 ** 30,
    kernel: 'typescript',
    reorder: false
  })
  return segments[0]!
}
