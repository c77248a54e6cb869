import fc from 'fast-check'
import type { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { type SparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'

/** Random numbers that a seed repeats: mulberry32 (Tommy Ettinger, public domain). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** From 0, below 1. */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let x = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.unit() * end)
  }

  chance(share: number): boolean {
    return this.unit() < share
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

/** How weights are spread: each gives a function that draws the weights of one vector. */
export const WEIGHTS = {
  /** Few different ones, so that sums tie. */
  few: random => () => random.pick([0.5, 1, 2]),
  equal: () => () => 1,
  extreme: random => () => 10 ** (10 * random.unit() - 6),
  /** Most are small, as those of a model are. */
  skewed: random => () => -0.6 * Math.log(1 - random.unit()) + 1e-3,
  /**
   * Almost all are small numbers of 255ths and nearly a half, which the quantiser rounds all down in
   * one vector, and all up in another: the sums of impacts differ much, the scores little.
   */
  coarse: random => {
    const half = random.pick([0.49, 0.51])
    return () => (random.chance(0.005) ? 1 : (1 + random.below(2) + half) / 255)
  }
} satisfies Record<string, (random: Random) => () => number>

/** How many documents the terms are in. */
const POPULARITIES = ['zipf', 'topics', 'everywhere', 'lonely'] as const

/** What a random collection is made from; the same recipe always gives the same one. */
export interface Recipe {
  readonly seed: number
  readonly numDocuments: number
  readonly weights: keyof typeof WEIGHTS
  /** `wide`: the index knows more than 65,536 terms. */
  readonly popularity: (typeof POPULARITIES)[number] | 'wide'
  readonly windowDocuments: 512 | 1024
  /** Roughly so many. */
  readonly numSegments: number
  /** Term ids: small numbers as those of a vocabulary, or any of 32 bits. */
  readonly ids: 'small' | 'spread'
}

/** Around the ends of blocks (64), groups of blocks (512) and windows. */
const BORDERS = [1, 2, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 1535, 1537, 2047, 2048, 2049]

/** Recipes of up to 3,000 documents. */
export const anyRecipe: fc.Arbitrary<Recipe> = fc.record({
  // A smaller seed is not a simpler collection.
  seed: fc.noShrink(fc.integer()),
  numDocuments: fc.oneof(fc.constantFrom(...BORDERS), fc.integer({ min: 1, max: 3000 })),
  weights: fc.constantFrom(...(Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[])),
  popularity: fc.constantFrom(...POPULARITIES),
  windowDocuments: fc.constantFrom(512, 1024),
  numSegments: fc.constantFrom(1, 1, 2, 5),
  ids: fc.constantFrom('small', 'spread')
})

/** Vectors, and the terms to ask them for. */
export interface Collection {
  readonly vectors: readonly SparseVector[]
  /** Ascending. */
  readonly lexicon: readonly number[]
  /** Ids that no vector holds. */
  readonly unknown: readonly number[]
}

const VOCABULARY = 900
const TOPIC_DOCUMENTS = 150

const KINDS = [...new Array(12).fill('new'), 'same', 'sameTerms', 'sameTerms', 'empty']

/** Makes the vectors of a recipe: some are empty, some repeat one before, or its terms. */
export function collectionOf(recipe: Recipe): Collection {
  const random = new Random(recipe.seed)
  const idOf = ID_OF[recipe.ids]
  const vectors: SparseVector[] = []
  for (let document = 0; document < recipe.numDocuments; document++) {
    const before = vectors[random.below(document)]
    const kind = random.pick(KINDS)
    if (before !== undefined && kind === 'same') vectors.push(before)
    else {
      const isEmpty = kind === 'empty' && random.chance(0.4)
      const own = isEmpty ? [] : Array.from(termsOf(recipe, document, random), idOf)
      const terms = before !== undefined && kind === 'sameTerms' ? [...before.terms] : own
      const weightOf = WEIGHTS[recipe.weights](random)
      vectors.push(sparseVectorFromEntries(terms.map(term => [term, weightOf()] as const)))
    }
  }
  const known = new Set(vectors.flatMap(({ terms }) => [...terms]))
  const unknown = [VOCABULARY - 1, 2 ** 20 - 1, 2 ** 20, 2 ** 24].map(idOf)
  return {
    vectors,
    lexicon: [...known].sort((a, b) => a - b),
    unknown: unknown.filter(id => !known.has(id))
  }
}

function termsOf(
  { popularity, numDocuments }: Recipe,
  document: number,
  random: Random
): Set<number> {
  const terms = new Set<number>()
  const numTerms = random.chance(0.02) ? 300 : 1 + random.below(50)
  const topic = Math.floor(document / TOPIC_DOCUMENTS)
  for (let i = 0; i < numTerms; i++) {
    const isOfTopic = popularity === 'topics' && random.chance(0.7)
    terms.add(isOfTopic ? VOCABULARY + 60 * topic + random.below(60) : popularTerm(random))
  }
  if (popularity === 'everywhere') terms.add(VOCABULARY).add(VOCABULARY + 1)
  const numOwn = { lonely: 3, wide: Math.ceil(100_000 / numDocuments) }[popularity as 'wide'] ?? 0
  for (let i = 0; i < numOwn; i++) terms.add(VOCABULARY + document * numOwn + i)
  return terms
}

/** A term of the vocabulary; those of small numbers come often. */
function popularTerm(random: Random): number {
  return Math.floor(VOCABULARY * random.unit() ** 3)
}

/** The id of a term by its number. The smallest and the largest are among them. */
const ID_OF = {
  small: (term: number) => (term === 1 ? 0xffff_ffff : term),
  // Times an odd number: each has an id of its own.
  spread: (term: number) => (term === 1 ? 0xffff_ffff : Math.imul(term, 0x9e3779b1) >>> 0)
}

/** An index of the collection; its keys are `d0`, `d1`, … */
export async function buildCollection(
  { vectors }: Collection,
  { numSegments, windowDocuments }: Pick<Recipe, 'numSegments' | 'windowDocuments'>,
  options: FinishOptions
): Promise<SparseIndex> {
  const builder = new SparseIndexBuilder()
  for (const [i, vector] of vectors.entries()) builder.add(`d${i}`, vector)
  // 12 bytes a posting; the last segment takes the rest.
  const bytes = 12 * builder.numPostings + 4 * builder.size
  const maxSegmentBytes = numSegments === 1 ? undefined : bytes / numSegments + 1
  return builder.finish({ windowDocuments, maxSegmentBytes, ...options })
}
