import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  denseReranker,
  identity,
  maxSim,
  pairReranker,
  type RerankCandidate,
  type Reranker,
  rerank
} from '../../src/entry/rerank.ts'
import { EsplanadeError } from '../../src/errors.ts'

/** Hits of few different scores, so that there are ties; some have a second score as their text. */
const someHits = fc.uniqueArray(fc.string({ maxLength: 4 }), { maxLength: 12 }).chain(keys =>
  fc
    .array(fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 })), {
      minLength: keys.length,
      maxLength: keys.length
    })
    .map(pairs =>
      pairs
        .map(([score, second], i) => ({ key: keys[i]!, score, text: String(second) }))
        .sort((a, b) => b.score - a.score)
        .map((hit, i) => ({ ...hit, rank: i + 1 }))
    )
)

/** Reads the score that is written in the text. */
const bySecond: Reranker = {
  name: 'second',
  score: (_, candidates) => ({ scores: candidates.map(({ text }) => Number(text)), stages: [] })
}

const hit = (key: string, more: Partial<RerankCandidate> = {}) => ({
  key,
  score: 1,
  rank: 1,
  ...more
})

describe('rerank', () => {
  test('orders the first depth hits by their new scores, ties as they were, and cuts to k', () =>
    fc.assert(
      fc.asyncProperty(
        someHits,
        fc.integer({ min: 1, max: 14 }),
        fc.integer({ min: 1, max: 14 }),
        async (hits, depth, most) => {
          const k = Math.min(most, depth)
          const result = await rerank(bySecond, 'q', hits, { depth, k })
          // The definition: a hit stands behind all that have a better score, or the same and came before.
          const pool = hits.slice(0, depth)
          const rankOf = (one: (typeof hits)[number]) =>
            1 +
            pool.filter(
              other =>
                Number(other.text) > Number(one.text) ||
                (other.text === one.text && other.rank < one.rank)
            ).length
          const expected = pool
            .map(one => ({ ...one, rank: rankOf(one), score: Number(one.text) }))
            .filter(({ rank }) => rank <= k)
            .sort((a, b) => a.rank - b.rank)
          expect(result.hits.map(({ before: _, ...one }) => one)).toEqual(expected)
          expect(result.numReranked).toBe(pool.length)
          for (const { key, before } of result.hits) {
            const { score, rank } = hits.find(one => one.key === key)!
            expect(before).toEqual({ score, rank })
          }
        }
      )
    ))

  test('identity leaves hits as they are', () =>
    fc.assert(
      fc.asyncProperty(someHits, async hits => {
        const { hits: same } = await rerank(identity, 'q', hits)
        expect(same.map(({ before: _, ...one }) => one)).toEqual(hits)
      })
    ))

  it('does not ask the reranker where there is nothing', async () => {
    const result = await rerank(failing(new Error('asked')), 'q', [])
    expect(result).toMatchObject({ hits: [], numReranked: 0, stages: [] })
  })

  it('reports the time of each stage and of all', async () => {
    const slow = pairReranker('slow', async () => {
      await new Promise(resolve => setTimeout(resolve, 15))
      return 1
    })
    const { stages, totalMs } = await rerank(slow, 'q', [hit('a'), hit('b')])
    expect(stages.map(({ stage }) => stage)).toEqual(['score'])
    expect(stages[0]!.ms).toBeGreaterThan(25)
    expect(totalMs).toBeGreaterThanOrEqual(stages[0]!.ms)
  })

  it.each<[string, RerankCandidate[], object, string]>([
    ['a depth of nothing', [hit('a')], { depth: 0 }, 'depth'],
    ['a k that is no count', [hit('a')], { k: 1.5 }, 'k: 1.5'],
    ['a k above the depth', [hit('a')], { k: 3, depth: 2 }, '3 hits of which 2 are reranked'],
    ['a key that is there twice', [hit('a'), hit('a')], {}, '"a" is there twice']
  ])('refuses %s', async (_, hits, options, message) => {
    const reranking = rerank(identity, 'q', hits, options)
    await expect(reranking).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(reranking).rejects.toThrow(message)
  })

  it.each<[string, ArrayLike<number>, string]>([
    ['too few scores', [1], '1 scores for 2 hits'],
    ['NaN', [1, Number.NaN], 'hit "b"'],
    ['infinity', new Float32Array([1, 1e39]), 'hit "b"'],
    ['a hole', [1, undefined as unknown as number], 'hit "b"']
  ])('refuses %s', async (_, scores, message) => {
    const wrong: Reranker = { name: 'wrong', score: () => ({ scores, stages: [] }) }
    const reranking = rerank(wrong, 'q', [hit('a'), hit('b')])
    await expect(reranking).rejects.toMatchObject({ code: 'RERANK_FAILED' })
    await expect(reranking).rejects.toThrow(message)
  })

  it('names the pair that a function fails on', async () => {
    const reranker = pairReranker('own', (_, { key }) => {
      if (key === 'b') throw new TypeError('no network')
      return 1
    })
    const reranking = rerank(reranker, 'q', [hit('a'), hit('b'), hit('c')])
    await expect(reranking).rejects.toMatchObject({ code: 'RERANK_FAILED', place: 'hit "b"' })
    await expect(reranking).rejects.toThrow('no network')
  })

  it.each<[string, unknown, string]>([
    ['an error of its own', new TypeError('no network'), 'no network'],
    ['what is no error', 'no network', 'no network'],
    ['nothing', undefined, 'undefined']
  ])('says which reranker failed where it throws %s', async (_, cause, message) => {
    const reranking = rerank(failing(cause), 'q', [hit('a')])
    await expect(reranking).rejects.toMatchObject({
      code: 'RERANK_FAILED',
      place: 'failing'
    })
    await expect(reranking).rejects.toThrow(message)
  })

  it('refuses a reranker that answers with something else', async () => {
    const wrong = { name: 'wrong', score: () => [1] } as unknown as Reranker
    const reranking = rerank(wrong, 'q', [hit('a')])
    await expect(reranking).rejects.toMatchObject({ code: 'RERANK_FAILED', place: 'wrong' })
  })

  it.each<[string, () => never | { scores: number[]; stages: [] }]>([
    ['fails in its own way', () => failing(new Error('its own')).score('', []) as never],
    ['does not care', () => ({ scores: [1], stages: [] })]
  ])('is stopped in the middle, where the reranker %s', async (_, end) => {
    const controller = new AbortController()
    const reranker: Reranker = {
      name: 'own',
      score: async () => {
        controller.abort('enough')
        return end()
      }
    }
    const reranking = rerank(reranker, 'q', [hit('a')], { signal: controller.signal })
    await expect(reranking).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
  })

  it('stops between pairs', async () => {
    const controller = new AbortController()
    const asked: string[] = []
    const reranker = pairReranker('own', (_, { key }) => {
      asked.push(key)
      controller.abort()
      return 1
    })
    const { signal } = controller
    const reranking = rerank(reranker, 'q', [hit('a'), hit('b')], { signal })
    await expect(reranking).rejects.toMatchObject({ code: 'ABORTED' })
    expect(asked).toEqual(['a'])
  })
})

function failing(error: unknown): Reranker {
  return {
    name: 'failing',
    score: () => {
      throw error
    }
  }
}

/** An encoder of two dimensions: the numbers of a text. */
const encoder = {
  name: 'numbers',
  encodeQuery: async (text: string) => vectorOf(text),
  encodeDocument: async (texts: readonly string[]) =>
    texts.map((text, textIndex) => {
      if (text !== 'bad') return vectorOf(text)
      throw new EsplanadeError('RUNTIME_FAILED', { textIndex, problem: 'out of memory' })
    })
} as unknown as Parameters<typeof denseReranker>[0]
const vectorOf = (text: string) => Float32Array.from(text.split(' '), Number)

describe('denseReranker', () => {
  const hits = [
    hit('given', { dense: Float32Array.of(0, 3) }),
    hit('text', { text: '4 4' }),
    hit('both', { dense: Float32Array.of(2, 0), text: 'bad' })
  ]

  it.each<['cosine' | 'dot' | 'euclidean', number[]]>([
    ['cosine', [0, Math.SQRT1_2, 1]],
    ['dot', [0, 4, 2]],
    ['euclidean', [-Math.sqrt(10), -5, -1]]
  ])('by %s, with the vectors that are there', async (metric, expected) => {
    const { scores, stages } = await denseReranker(encoder, { metric }).score('1 0', hits)
    for (const [i, score] of expected.entries()) expect(scores[i]).toBeCloseTo(score, 12)
    const names = stages.map(({ stage }) => stage)
    expect(names).toEqual(['encode query', 'encode documents', 'score'])
  })

  it.each<[string, RerankCandidate, string]>([
    ['a vector of another length', hit('x', { dense: Float32Array.of(1) }), 'INVALID_VECTOR'],
    ['a vector of zeros', hit('x', { dense: Float32Array.of(0, 0) }), 'INVALID_VECTOR'],
    ['neither vector nor text', hit('x'), 'INVALID_ARGUMENT'],
    ['a text that the encoder fails on', hit('x', { text: 'bad' }), 'RUNTIME_FAILED']
  ])('names the hit with %s', async (_, wrong, code) => {
    const reranking = rerank(denseReranker(encoder), '1 0', [...hits, wrong])
    await expect(reranking).rejects.toMatchObject({ code, place: 'hit "x"' })
  })

  it('refuses a metric that is none, and a query without direction', async () => {
    expect(() => denseReranker(encoder, { metric: 'l2' as 'dot' })).toThrow('l2')
    await expect(rerank(denseReranker(encoder), '0 0', hits)).rejects.toThrow('query')
  })
})

describe('maxSim', () => {
  const vectors = (dimensions: number, minLength: number) =>
    fc
      .array(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: dimensions, maxLength: dimensions }),
        {
          minLength,
          maxLength: 14
        }
      )
      .map(rows => ({ dimensions, rows, vectors: Float32Array.from(rows.flat()) }))
  const someVectors = fc
    .integer({ min: 1, max: 9 })
    .chain(dimensions => fc.tuple(vectors(dimensions, 0), vectors(dimensions, 1)))

  test('is the plain double loop', () =>
    fc.assert(
      fc.property(someVectors, ([query, document]) => {
        let expected = 0
        for (const q of query.rows) {
          const products = document.rows.map(d =>
            d.reduce((sum, value, i) => sum + value * q[i]!, 0)
          )
          expected += Math.max(...products)
        }
        expect(maxSim(query, document)).toBe(expected)
      })
    ))

  it.each([
    ['other dimensions', { dimensions: 2, vectors: new Float32Array(4) }, '2 dimensions'],
    ['no vectors', { dimensions: 3, vectors: new Float32Array(0) }, 'no vector'],
    ['a part of a vector', { dimensions: 3, vectors: new Float32Array(4) }, 'whole vectors']
  ])('refuses a document with %s', (_, document, message) => {
    const query = { dimensions: 3, vectors: new Float32Array(3) }
    expect(() => maxSim(query, document)).toThrow(message)
  })
})
