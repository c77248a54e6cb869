import fc from 'fast-check'
import type { Metadata } from '../../src/corpus/metadata.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import type { ModelDocument, ModelFilter } from './model.ts'

/** Random documents and questions of few names and values, so that they meet and tie. */

/** Some begin with others, and the order of UTF-16 is not that of UTF-8. */
const KEYS = ['a', 'ab', 'abc', 'b', 'b/1', 'b/2', 'b/20', 'é', '﹫', '😀', '__proto__', '7']
export const key: fc.Arbitrary<string> = fc.constantFrom(...KEYS)
export const keys: fc.Arbitrary<string[]> = fc.uniqueArray(key, { minLength: 1, maxLength: 4 })
export const namespace: fc.Arbitrary<string> = fc.constantFrom('', '', 'tenant')
export const prefix: fc.Arbitrary<string> = fc.constantFrom('', '', 'a', 'ab', 'b/', '😀', 'x')

const term = fc.oneof(
  { weight: 6, arbitrary: fc.nat(5) },
  { weight: 1, arbitrary: fc.constantFrom(30_521, 0xffff_ffff) }
)
const weight = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0.5, 1, 2) },
  { weight: 1, arbitrary: fc.float({ min: Math.fround(1e-3), max: 4, noNaN: true }) }
)

/** A vector, perhaps of no terms. */
const vector: fc.Arbitrary<SparseVector> = fc
  .uniqueArray(fc.tuple(term, weight), { maxLength: 4, selector: ([termId]) => termId })
  .map(entries => {
    entries.sort(([a], [b]) => a - b)
    return sparseVector(
      entries.map(([termId]) => termId),
      entries.map(([, value]) => value)
    )
  })

const TAGS = ['red', 'green', 'grey', '']
const DAYS = ['2026-11-20', '2026-11-21', '2026-11-22'].map(day => new Date(day))

const metadata: fc.Arbitrary<Metadata> = fc.record(
  {
    size: fc.nat(4),
    tag: fc.constantFrom(...TAGS),
    tags: fc.array(fc.constantFrom(...TAGS), { maxLength: 3 }),
    isOpen: fc.boolean(),
    day: fc.constantFrom(...DAYS)
  },
  { requiredKeys: [], noNullPrototype: true }
)

const TEXT = 'Harbour lights'

const content = fc.oneof(
  { weight: 4, arbitrary: vector.map(one => ({ vectors: [one] })) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.tuple(fc.nat(7), fc.nat(6), vector), { minLength: 1, maxLength: 3 })
      .map(parts => ({
        passages: parts.map(([start, length]) => [start, start + length] as const),
        vectors: parts.map(([, , one]) => one)
      }))
  }
)

const document: fc.Arbitrary<ModelDocument> = fc
  .tuple(namespace, key, metadata, content)
  .map(([space, name, fields, rest]) => ({
    namespace: space,
    key: name,
    text: TEXT,
    metadata: fields,
    ...rest
  }))

/** Documents of one call: no two of one name. */
export const documents: fc.Arbitrary<ModelDocument[]> = fc.uniqueArray(document, {
  minLength: 1,
  maxLength: 6,
  selector: one => `${one.namespace} ${one.key}`
})

/** Documents of several calls: names may come again. */
export const burst: fc.Arbitrary<ModelDocument[]> = fc.array(document, {
  minLength: 2,
  maxLength: 8
})

const tag = fc.constantFrom(...TAGS)
const size = fc.nat(4)

const condition: fc.Arbitrary<ModelFilter> = fc.oneof(
  size.map(value => ({ size: value })),
  fc
    .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte', '$ne'), size)
    .map(([operator, value]) => ({ size: { [operator]: value } })),
  fc.array(size, { maxLength: 3 }).map($nin => ({ size: { $nin } })),
  tag.map(value => ({ tag: value })),
  fc.constantFrom('g', 'gre', '').map($startsWith => ({ tag: { $startsWith } })),
  fc.array(tag, { maxLength: 3 }).map($in => ({ tags: { $in } })),
  tag.map($ne => ({ tags: { $ne } })),
  fc.boolean().map(value => ({ isOpen: value })),
  fc.constantFrom(...DAYS).map($gte => ({ day: { $gte } })),
  fc.boolean().map($exists => ({ day: { $exists } }))
)

/** A filter whose values are of the types that the fields have. */
export const filter: fc.Arbitrary<ModelFilter> = fc.oneof(
  { weight: 3, arbitrary: condition },
  {
    weight: 1,
    arbitrary: fc.array(condition, { minLength: 1, maxLength: 2 }).map($and => ({ $and }))
  },
  {
    weight: 1,
    arbitrary: fc.array(condition, { minLength: 1, maxLength: 2 }).map($or => ({ $or }))
  },
  { weight: 1, arbitrary: condition.map($not => ({ $not })) }
)

/** A search, page by page. */
export interface Question {
  readonly vector: SparseVector
  readonly namespace: string
  readonly filter: ModelFilter | undefined
  readonly k: number
  readonly numPages: number
  readonly minScore: number | undefined
}

export const question: fc.Arbitrary<Question> = fc.record({
  vector,
  namespace,
  filter: fc.option(filter, { nil: undefined, freq: 2 }),
  k: fc.constantFrom(1, 2, 3, 10, 1000),
  numPages: fc.constantFrom(1, 1, 3),
  minScore: fc.option(fc.constantFrom(0.5, 1, 2.25), { nil: undefined, freq: 5 })
})
