import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { KernelChoice } from '../../src/kernel/kernel-memory.ts'
import type { Ranking, Selection } from '../../src/search/collector.ts'
import type { DocumentBits } from '../../src/search/document-bits.ts'
import { exhaustive } from '../../src/search/exhaustive.ts'
import { KernelSearch } from '../../src/search/kernel-search.ts'
import type { LookedUpQuery } from '../../src/search/query-terms.ts'
import { SegmentSearcher } from '../../src/search/segment-searcher.ts'
import type { SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import type { KernelPlan } from '../../src/search/strategy.ts'
import type { Segment } from '../../src/segment/segment.ts'
import { SegmentBuilder } from '../../src/segment/segment-builder.ts'
import { type WriteOptions, writeSegments } from '../../src/segment/segment-writer.ts'
import { norm } from '../../src/vector/similarity.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { anyRecipe, collectionOf, Random, type Recipe } from '../search/random-collections.ts'
import { randomQuery } from '../search/random-queries.ts'

type Form = Pick<WriteOptions, 'metric' | 'precision'>

const everything: Selection = {
  k: 10,
  filter: undefined,
  minScore: Number.NEGATIVE_INFINITY,
  after: undefined
}
const windowed: KernelPlan = {
  kernel: 'windowSearch',
  numSeeds: 0,
  numOrdered: 0,
  numVisits: 1,
  leaveOut: 0,
  overestimate: 1
}

/** These documents of a segment. */
function documentBits(numDocuments: number, docIds: readonly number[]): DocumentBits {
  const bits = new Uint8Array(Math.ceil(numDocuments / 8))
  for (const docId of docIds) bits[docId >>> 3]! |= 1 << (docId & 7)
  return { bits, size: docIds.length }
}

/** One segment of these vectors. */
async function segmentOf(
  vectors: readonly SparseVector[],
  windowDocuments: number,
  kernel: KernelChoice,
  form: Form = { metric: 'dot', precision: 'float32' }
): Promise<Segment> {
  const builder = new SegmentBuilder()
  for (const [i, vector] of vectors.entries()) builder.add(`d${i}`, vector)
  const [segment] = await writeSegments(builder.finish(), {
    ...form,
    metadata: {},
    windowDocuments,
    maxSegmentBytes: 2 ** 30,
    kernel,
    reorder: false
  })
  return segment!
}

function lookedUp({ lexicon }: Segment, query: SparseVector): LookedUpQuery {
  const placeOf = new Map(Array.from(lexicon, (termId, place) => [termId, place]))
  const terms = Array.from(query.terms, (termId, i) => ({
    termId,
    termIndex: placeOf.get(termId) ?? -1,
    weight: query.weights[i]!
  }))
  const known = terms.filter(({ termIndex }) => termIndex >= 0)
  return { terms: known, length: norm(query), numUnknownTerms: terms.length - known.length }
}

function randomSelection(oracle: Ranking, numDocuments: number, random: Random): Selection {
  const at = random.below(Math.max(1, Math.min(30, oracle.ids.length)))
  const [id = 0, score = 1] = [oracle.ids[at], oracle.scores[at]]
  const half = Array.from({ length: numDocuments }, (_, i) => i).filter(() => random.chance(0.5))
  return {
    k: Math.min(random.pick([1, 2, 10, 64, 65, 300]), numDocuments),
    filter: random.chance(0.3) ? documentBits(numDocuments, half) : undefined,
    minScore: random.chance(0.3) ? score : Number.NEGATIVE_INFINITY,
    after: random.chance(0.3) ? { id, score } : undefined
  }
}

/** A plan that visits all windows and believes all bounds; else it may be as odd as it likes. */
function randomPlan({ numWindows }: Segment, random: Random): KernelPlan {
  return {
    ...windowed,
    numSeeds: random.below(numWindows + 2),
    numOrdered: random.below(numWindows + 2),
    numVisits: numWindows,
    leaveOut: random.pick([0, 0.3, 0.5, 0.8, 0.95, 1, 1.5, 4, 1e300])
  }
}

const blockMax: KernelPlan = { ...windowed, kernel: 'blockMaxSearch', numVisits: 0 }

/** Ids, and scores to the last bit, as a text: compared faster than arrays are. */
const hitsOf = ({ ids, scores }: Ranking) => `${ids} ${scores}`

describe('both kernels', () => {
  const anyForm: fc.Arbitrary<Form> = fc.record({
    metric: fc.constantFrom('dot', 'cosine'),
    precision: fc.constantFrom('float32', 'float16')
  })
  const check = async (recipe: Recipe, form: Form) => {
    const collection = collectionOf(recipe)
    const kinds = ['auto', 'typescript'] as const
    const segments = await Promise.all(
      kinds.map(kind => segmentOf(collection.vectors, recipe.windowDocuments, kind, form))
    )
    expect(segments.map(({ memory }) => memory.kernel.isWasm)).toEqual([true, false])
    expect(Buffer.compare(segments[0]!.bytes(), segments[1]!.bytes())).toBe(0)
    const kernels = segments.map(segment => new KernelSearch(segment))
    const random = new Random(~recipe.seed)
    for (let i = 0; i < 25; i++) {
      const query = lookedUp(segments[0]!, randomQuery(collection, random))
      if (query.terms.length > 500) continue
      const all = exhaustive(segments[0]!, query, { ...everything, k: recipe.numDocuments })
      const selection = randomSelection(all, recipe.numDocuments, random)
      const expected = hitsOf(exhaustive(segments[0]!, query, selection))
      for (const plan of [windowed, randomPlan(segments[0]!, random), blockMax]) {
        const complete = { ...plan, numVisits: segments[0]!.numWindows }
        const rankings = kernels.map(kernel => kernel.search(query, selection, complete))
        const problem = JSON.stringify({ plan, ...selection, filter: selection.filter?.size })
        expect(hitsOf(rankings[0]!), `WebAssembly ${problem}`).toEqual(expected)
        expect(hitsOf(rankings[1]!), `TypeScript ${problem}`).toEqual(expected)
      }
    }
  }

  it('find what the oracle finds, however many terms a plan leaves out', { timeout: 180_000 }, () =>
    fc.assert(fc.asyncProperty(anyRecipe, anyForm, check), { numRuns: 30, endOnFailure: true })
  )
})

describe.each(['auto', 'typescript'] as const)('the bounds of the kernel of %s', kind => {
  /** Every term has a weight of 1 in a document of its own, so 1 / 255 is a step of its impacts. */
  const singles = (numTerms: number) =>
    Array.from({ length: numTerms }, (_, term) => sparseVector([term], [1]))
  const range = (start: number, end: number) =>
    Array.from({ length: end - start }, (_, i) => start + i)
  /** All these terms with this weight, in steps. */
  const even = (terms: readonly number[], steps: number) =>
    sparseVector(
      terms,
      terms.map(() => steps / 255)
    )

  it('leave out no terms that with their errors reach the threshold', async () => {
    // 1.49 steps become an impact of 1. Left out are 210 terms whose contributions sum to 210, but
    // to 330 in truth; the threshold is 272, what one term of weight 1 gives. A document that holds
    // nothing else is the best.
    const best = even(range(30, 240), 1.49)
    const none = Array.from({ length: 512 - 240 }, () => sparseVector([], []))
    const vectors = [...singles(240), ...none, even(range(0, 30), 1.49), best, best]
    const segment = await segmentOf(vectors, 512, kind)
    const query = lookedUp(segment, even(range(0, 240), 255))
    const plan = { ...windowed, numSeeds: 1, numOrdered: 1, numVisits: 2, leaveOut: 0.8 }
    const { ids } = new KernelSearch(segment).search(query, { ...everything, k: 1 }, plan)
    expect([...ids]).toEqual([513])
  })

  it.each([0, 100])('count a document as its score, not as its sum, %i documents on', async gap => {
    // The first sums to 40 steps and has 30 in truth, the last sums to 21 and has 31.
    const terms = range(0, 20)
    const first = even(terms, 1.5001)
    const last = sparseVector(
      terms,
      terms.map(term => (term === 0 ? 2.49 : 1.4999) / 255)
    )
    const between = Array.from({ length: gap }, () => sparseVector([], []))
    const vectors = [...singles(20), first, ...between, last]
    const segment = await segmentOf(vectors, 512, kind)
    const query = lookedUp(segment, even(terms, 255))
    const filter = documentBits(vectors.length, [20, 21 + gap])
    const selection = { ...everything, k: 1, filter }
    for (const plan of [windowed, blockMax]) {
      const { ids } = new KernelSearch(segment).search(query, selection, plan)
      expect([...ids]).toEqual([21 + gap])
    }
  })

  it('order blocks in steps, of which none is left out that may hold a hit', async () => {
    // A step of term 0 is worth 128, one of term 1 is worth 1; the surcharges are 65 and 1. The
    // bounds of the third and the last block, 193 and 204, are of one step of the order; with the
    // slack of 2 the first stays below the threshold of 199, but the document of the other scores 202.
    const inBlock = (vector: SparseVector) => [
      vector,
      ...Array.from({ length: 63 }, () => sparseVector([], []))
    ]
    const vectors = [
      ...inBlock(sparseVector([0, 1], [1, 1])),
      // So many that they are scored before the next block.
      ...Array.from({ length: 64 }, () => sparseVector([0], [1.5547 / 255])),
      ...inBlock(sparseVector([0], [1 / 255])),
      ...inBlock(sparseVector([0, 1], [1.4999 / 255, 10 / 255]))
    ]
    const segment = await segmentOf(vectors, 512, kind)
    const query = lookedUp(segment, sparseVector([0, 1], [128, 1]))
    const filter = documentBits(vectors.length, range(64, 193))
    const search = new KernelSearch(segment)
    const { ids } = search.search(query, { ...everything, k: 1, filter }, blockMax)
    expect([...ids]).toEqual([192])
  })
})

describe('a search', () => {
  const vectors = Array.from({ length: 700 }, (_, i) => sparseVector([i % 7, 10], [1 + (i % 3), 1]))
  const query = sparseVector([2, 10], [1, 2])

  const NAMES = {
    windowed: 'windowSearch',
    'max-score': 'windowSearch',
    'block-max': 'blockMaxSearch',
    'document-at-a-time': 'documentSearch'
  } as const
  const strategies = Object.keys(NAMES) as (keyof typeof NAMES)[]
  const kinds = ['auto', 'typescript'] as const

  it.each(strategies.flatMap(strategy => kinds.map(kind => [strategy, kind] as const)))(
    "by '%s' is answered by the kernel of '%s'",
    async (strategy, kind) => {
      const segment = await segmentOf(vectors, 512, kind)
      const { kernel } = segment.memory
      const name = NAMES[strategy]
      const isWasm = kind === 'auto'
      // What WebAssembly exports is native; the others are functions of this project.
      expect(/\[native code\]/.test(String(kernel[name]))).toBe(isWasm)
      expect(kernel.isWasm).toBe(isWasm)
      const spy = vi.spyOn(kernel, name)
      const searcher = new SegmentSearcher(segment)
      const filter = documentBits(vectors.length, [2, 9, 600])
      const result = searcher.search(lookedUp(segment, query), { ...everything, filter }, strategy)
      expect(spy).toHaveBeenCalledTimes(1)
      expect(result.strategy).toBe(strategy)
      expect([...result.ids]).toEqual([2, 9, 600])
      expect([...result.scores]).toEqual([5, 3, 2])
    }
  )

  it.each(kinds)('finds its filter, whoever searched the segment of %s before', async kind => {
    const segment = await segmentOf(vectors, 512, kind)
    const searchers = [new SegmentSearcher(segment), new SegmentSearcher(segment)]
    const filters = [[2, 9], [9, 600], [16]].map(docIds => documentBits(vectors.length, docIds))
    for (const filter of [...filters, undefined, ...filters]) {
      for (const searcher of searchers) {
        const { ids } = searcher.search(
          lookedUp(segment, query),
          { ...everything, filter },
          'windowed'
        )
        const all =
          filter && [2, 9, 16, 600].filter(id => (filter.bits[id >>> 3]! >>> (id & 7)) & 1)
        if (all) expect([...ids].sort((a, b) => a - b)).toEqual(all)
        else expect(ids).toHaveLength(10)
      }
    }
  })

  it('that no kernel takes is exhaustive', async () => {
    const many = Array.from({ length: 501 }, (_, term) => term)
    const long = sparseVector(
      many,
      many.map(() => 1)
    )
    const segment = await segmentOf([long, long], 512, 'auto')
    const spies = (['windowSearch', 'blockMaxSearch'] as const).map(name =>
      vi.spyOn(segment.memory.kernel, name)
    )
    const searcher = new SegmentSearcher(segment)
    for (const strategy of ['auto', 'windowed', 'max-score', 'block-max'] as const) {
      const result = searcher.search(lookedUp(segment, long), everything, strategy)
      expect(result.strategy).toBe('exhaustive')
      expect([...result.scores]).toEqual([501, 501])
    }
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
  })
})

describe('where the platform lacks', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.resetModules()
  })

  const noSimd = {
    ...globalThis.WebAssembly,
    Memory: WebAssembly.Memory,
    Module: class {
      constructor() {
        throw new WebAssembly.CompileError('invalid value type: v128')
      }
    }
  }
  const vectors = Array.from({ length: 2000 }, (_, i) =>
    sparseVector([i % 5, 7 + (i % 13), 40 + i], [1, 2 + (i % 4), 0.5])
  )
  const queries = [
    sparseVector([1, 9, 50], [1, 0.5, 3]),
    sparseVector([2, 3, 8, 12], [1, 1, 2, 1e-3])
  ]

  /** Builds, reopens and searches with the modules as the platform makes them. */
  async function hitsNow() {
    vi.resetModules()
    const builders: { SparseIndexBuilder: typeof SparseIndexBuilder } = await import(
      '../../src/search/sparse-index-builder.ts'
    )
    const { SparseIndex } = await import('../../src/search/sparse-index.ts')
    const builder = new builders.SparseIndexBuilder()
    for (const [i, vector] of vectors.entries()) builder.add(`d${i}`, vector)
    const built = await builder.finish({ windowDocuments: 512 })
    const index = SparseIndex.fromBytes(built.toBytes())
    const hits = []
    for (const strategy of ['auto', 'windowed', 'max-score', 'block-max'] as const) {
      for (const query of queries) {
        hits.push((await index.search(query, { k: 70, strategy })).hits)
      }
    }
    // Threads need shared memory; without it the answers are the same.
    const results = await index.searchMany(queries, { k: 70, threads: index.isWasm ? 1 : 2 })
    hits.push(...results.map(result => result.hits))
    return { isWasm: [built.isWasm, index.isWasm], hits }
  }

  it.each([
    ['WebAssembly', { WebAssembly: undefined }, false],
    ['its SIMD', { WebAssembly: noSimd }, false],
    ['shared memory', { SharedArrayBuffer: undefined }, true]
  ] as const)('%s, the hits are the same', async (_, globals, isWasm) => {
    const usual = await hitsNow()
    expect(usual.isWasm).toEqual([true, true])
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    const now = await hitsNow()
    expect(now.isWasm).toEqual([isWasm, isWasm])
    expect(now.hits).toEqual(usual.hits)
  })
})
