import fc from 'fast-check'
import type { Metadata, MetadataValue } from '../../src/corpus/metadata.ts'

/** Random metadata and filters of few names and values, so that they often meet. */

const STRINGS = ['', 'a', 'ab', 'abc', 'b', 'é', '﹫', '😀', '😀x', '\u0000', 'Zürich', '1']
const NAMES = ['a', 'b', 'a.b', '', '__proto__', 'constructor', 'ü', 'b.a']
const PATHS = [...NAMES, 'a.a', 'a.b.a', '__proto__.a', 'b.__proto__', 'a.', '.a', 'missing']

const scalar = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...STRINGS) },
  { weight: 3, arbitrary: fc.constantFrom(-1, -0, 0, 1, 1.5, 2, 1e300, Number.MIN_VALUE) },
  fc.boolean(),
  fc.constantFrom(-1, 0, 1, 1e12).map(time => new Date(time))
)

/** Halves of surrogate pairs come in documents, and filters must agree on them. */
const LOOSE = ['\ud83d', '\ude00', 'a\ud83d', '\ud83d\ud83d\ude00']

const { value: metadataValue } = fc.letrec<{ value: MetadataValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar,
    fc.constantFrom(null, ...LOOSE, Number.NaN, new Date(Number.NaN)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...NAMES), tie('value')), { maxLength: 3 }).map(fromEntries)
  )
}))

function fromEntries(entries: readonly (readonly [string, MetadataValue])[]): Metadata {
  return Object.fromEntries(entries)
}

/** The fields of one document. */
export const metadata: fc.Arbitrary<Metadata> = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), metadataValue), { maxLength: 4 })
  .map(fromEntries)

const ordered = scalar.filter(value => typeof value !== 'boolean')
const list = fc.array(scalar, { maxLength: 4 })

const { condition } = fc.letrec<{ condition: unknown }>(tie => ({
  condition: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    scalar,
    scalar.map($eq => ({ $eq })),
    scalar.map($ne => ({ $ne })),
    ...['$gt', '$gte', '$lt', '$lte'].map(name => ordered.map(value => ({ [name]: value }))),
    fc.tuple(ordered, ordered).map(([$gte, $lt]) => ({ $gte, $lt })),
    list.map($in => ({ $in })),
    list.map($nin => ({ $nin })),
    fc.boolean().map($exists => ({ $exists })),
    fc.constantFrom(...STRINGS).map($startsWith => ({ $startsWith })),
    // At its greatest depth a condition is a bare value, which $not does not take.
    tie('condition')
      .map(inner =>
        typeof inner === 'object' && !(inner instanceof Date) ? inner : { $eq: inner }
      )
      .map($not => ({ $not }))
  )
}))

const fields = fc
  .array(fc.tuple(fc.constantFrom(...PATHS), condition), { maxLength: 3 })
  .map(entries => Object.fromEntries(entries))

/** A filter as a user writes it. */
export const { filter } = fc.letrec<{ filter: Record<string, unknown> }>(tie => ({
  filter: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 3, arbitrary: fields },
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map($and => ({ $and })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map($or => ({ $or })),
    tie('filter').map($not => ({ $not })),
    fc.tuple(fields, tie('filter')).map(([own, $not]) => ({ ...own, $not }))
  )
}))
