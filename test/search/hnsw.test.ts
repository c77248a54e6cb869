import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { buildHnsw, DenseIndex, DenseIndexBuilder, HnswIndex } from '../../src/entry/search.ts'
import { xxh32 } from '../../src/kernel/xxh32.ts'
import type { HnswOptions } from '../../src/search/hnsw-index.ts'
import type { DenseMetric, DenseVector } from '../../src/vector/dense-vector.ts'
import { Random } from './random-collections.ts'

const METRICS: readonly DenseMetric[] = ['cosine', 'dot', 'euclidean']
const code = (value: string) => expect.objectContaining({ code: value })

/** Points around centres, of many lengths. */
function mixture(seed: number, numVectors: number, dimensions: number): DenseVector[] {
  const random = new Random(seed)
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit())
  const draw = () => Float32Array.from({ length: dimensions }, normal)
  const centres = Array.from({ length: 40 }, draw)
  return Array.from({ length: numVectors }, () => {
    const centre = random.pick(centres)
    const length = Math.exp(0.3 * normal())
    return draw().map((value, i) => length * (0.7 * value + centre[i]!))
  })
}

function indexOf(vectors: readonly ArrayLike<number>[], metric: DenseMetric): DenseIndex {
  const builder = new DenseIndexBuilder(vectors[0]?.length ?? 8)
  for (const [i, vector] of vectors.entries()) builder.add(`d${i}`, vector)
  return builder.finish({ metric })
}

const NUM_VECTORS = 4000
const DIMENSIONS = 24
const vectors = mixture(7, NUM_VECTORS + 60, DIMENSIONS)
const queries = vectors.slice(NUM_VECTORS)
const documents = vectors.slice(0, NUM_VECTORS)
/** Few links, so that the graph is asked although vectors are few. */
const options: HnswOptions = { connectivity: 8, expansionSearch: 48 }

const built = new Map<DenseMetric, Promise<HnswIndex>>()
function graphOf(metric: DenseMetric): Promise<HnswIndex> {
  const known = built.get(metric) ?? buildHnsw(indexOf(documents, metric), options)
  built.set(metric, known)
  return known
}

describe.each(METRICS)('a graph by %s', metric => {
  it('finds most of what the scan finds, with the same scores', async () => {
    const index = await graphOf(metric)
    let found = 0
    for (const query of queries) {
      const exact = await index.dense.search(query)
      const result = await index.search(query)
      expect(result.rankSafe).toBe(false)
      expect(result.stats.strategy).toBe('hnsw')
      expect(result.stats.numScored).toBeLessThan(NUM_VECTORS / 2)
      const keys = result.hits.map(({ key }) => key)
      expect(keys).toHaveLength(10)
      expect(result.hits.map(({ score }) => score)).toEqual([...index.dense.scoresOf(query, keys)])
      expect(result.hits.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(result.max).toBe(result.hits[0]!.score)
      expect(result.min).toBeGreaterThanOrEqual(exact.min)
      expect(result.min).toBeLessThan(result.hits[9]!.score)
      const best = new Set(exact.hits.map(({ key }) => key))
      found += keys.filter(key => best.has(key)).length
    }
    const overlap = found / (10 * queries.length)
    expect(overlap).toBeGreaterThan(0.9)
    const measured = await index.measureOverlap({ queries })
    expect(measured).toEqual({ k: 10, overlap: expect.closeTo(overlap, 12), sampleSize: 60 })
  })

  it('says how much of the exact hits it finds, and finds more with more candidates', async () => {
    const index = await graphOf(metric)
    expect(index.measured).toMatchObject({ k: 10, sampleSize: 100 })
    expect(index.measured.overlap).toBeGreaterThan(0.9)
    const [few, many] = [{ expansion: 10 }, { expansion: 120 }]
    const [less, more] = await Promise.all([index.measureOverlap(few), index.measureOverlap(many)])
    expect(less.overlap).toBeLessThan(more.overlap)
    expect(more.overlap).toBeGreaterThan(0.95)
  })

  it('gives the same hits when it was written and opened', async () => {
    const index = await graphOf(metric)
    const bytes = await index.toBytes()
    const again = await HnswIndex.fromBytes(bytes, DenseIndex.fromBytes(index.dense.toBytes()))
    expect(again.settings).toEqual({ connectivity: 8, expansionAdd: 128, expansionSearch: 48 })
    expect(again.measured).toEqual(index.measured)
    for (const query of queries) {
      const [a, b] = [await index.search(query), await again.search(query)]
      expect(b.hits).toEqual(a.hits)
    }
    expect(Buffer.compare(await again.toBytes(), bytes)).toBe(0)
    expect(
      readdirSync(tmpdir()).filter(name => name.startsWith(`esplanade-${process.pid}`))
    ).toEqual([])
  })

  it('is exact where a filter keeps few, and finds most where it keeps many', async () => {
    const index = await graphOf(metric)
    const few = index.dense.documentSet(key => Number(key.slice(1)) % 20 === 0)
    const many = index.dense.documentSet(key => Number(key.slice(1)) % 4 !== 0)
    let found = 0
    for (const query of queries) {
      const exact = await index.dense.search(query, { filter: few })
      const scanned = await index.search(query, { filter: few })
      expect(scanned).toMatchObject({ hits: exact.hits, rankSafe: true, min: exact.min })
      expect(scanned.stats).toMatchObject({ strategy: 'flat', numScanned: few.size })
      const walked = await index.search(query, { filter: many })
      expect(walked.stats.strategy).toBe('hnsw')
      const best = await index.dense.search(query, { filter: many })
      const keys = new Set(best.hits.map(({ key }) => key))
      expect(walked.hits.every(({ key }) => Number(key.slice(1)) % 4 !== 0)).toBe(true)
      found += walked.hits.filter(({ key }) => keys.has(key)).length
    }
    expect(found / (10 * queries.length)).toBeGreaterThan(0.9)
  })

  it('goes on after a hit', async () => {
    const index = await graphOf(metric)
    const all = await index.search(queries[0]!, { k: 30, expansion: 60 })
    let searchAfter = undefined as (typeof all.hits)[number] | undefined
    const pages: (typeof all.hits)[number][] = []
    for (let page = 0; page < 3; page++) {
      const { hits } = await index.search(queries[0]!, { searchAfter, expansion: 60 })
      pages.push(...hits)
      searchAfter = hits.at(-1)
    }
    expect(pages).toEqual(all.hits)
    const floor = all.hits[4]!.score
    const { hits } = await index.search(queries[0]!, { minScore: floor })
    expect(hits).toEqual(all.hits.slice(0, 5))
  })

  it('gives all documents where k is above their number', async () => {
    const index = await graphOf(metric)
    const { hits, rankSafe } = await index.search(queries[0]!, { k: NUM_VECTORS + 1 })
    const exact = await index.dense.search(queries[0]!, { k: NUM_VECTORS + 1 })
    expect(hits).toEqual(exact.hits)
    expect(rankSafe).toBe(true)
  })

  it.each([0, 1, 2, 11])('of %i documents is exact', async numVectors => {
    const index = await buildHnsw(indexOf(documents.slice(0, numVectors), metric))
    expect(index.measured.overlap).toBe(1)
    const again = await HnswIndex.fromBytes(await index.toBytes(), index.dense)
    expect(again.size).toBe(numVectors)
    const query = documents[3]!.slice(0, again.dense.dimensions)
    const { hits, rankSafe } = await again.search(query)
    expect(hits).toEqual((await index.dense.search(query)).hits)
    expect(rankSafe).toBe(true)
  })

  it('finds k of many equal vectors', async () => {
    const twins = Array.from({ length: 3000 }, (_, i) => documents[i < 2000 ? 0 : i]!)
    const index = await buildHnsw(indexOf(twins, metric), options)
    const { hits, stats } = await index.search(documents[0]!, { k: 20 })
    expect(stats.strategy).toBe('hnsw')
    expect(new Set(hits.map(({ key }) => key)).size).toBe(20)
    const own = index.dense.scoresOf(documents[0]!, ['d0'])[0]!
    for (const { score } of hits) expect(score).toBeGreaterThanOrEqual(own)
  })
})

describe('a graph', () => {
  it('by one thread has the same bytes each time', async () => {
    const dense = indexOf(documents.slice(0, 500), 'cosine')
    const [a, b] = [await buildHnsw(dense), await buildHnsw(dense)]
    expect(Buffer.compare(await a.toBytes(), await b.toBytes())).toBe(0)
  })

  it('by several threads is written and opened as well', async () => {
    const index = await buildHnsw(indexOf(documents, 'dot'), { ...options, threads: 3 })
    expect(index.measured.overlap).toBeGreaterThan(0.9)
    const again = await HnswIndex.fromBytes(await index.toBytes(), index.dense)
    for (const query of queries) {
      expect((await again.search(query)).hits).toEqual((await index.search(query)).hits)
    }
  })

  it('scans all where a query tells it nothing', async () => {
    const far = queries[0]!.map(value => 1e30 * value)
    const cases = [
      ['euclidean', far],
      ['dot', new Float32Array(DIMENSIONS)]
    ] as const
    for (const [metric, query] of cases) {
      const index = await graphOf(metric)
      const result = await index.search(query)
      expect(result.rankSafe).toBe(true)
      expect(result.hits).toEqual((await index.dense.search(query)).hits)
    }
    const zeros = (await graphOf('cosine')).search(new Float32Array(DIMENSIONS))
    await expect(zeros).rejects.toThrow('no direction')
  })

  it('takes vectors of extreme lengths', async () => {
    for (const metric of METRICS) {
      const extreme = documents.map((vector, i) =>
        vector.map(x => x * (i % 2 === 0 ? 1e35 : 1e-35))
      )
      const index = await buildHnsw(indexOf(extreme, metric), options)
      const { hits } = await index.search(extreme[0]!)
      expect(hits.map(({ score }) => Number.isFinite(score))).toEqual(Array(10).fill(true))
    }
  })

  it('hears a signal, and tells how far it is', async () => {
    const dense = indexOf(documents, 'cosine')
    const done: number[] = []
    const controller = new AbortController()
    const building = buildHnsw(dense, {
      signal: controller.signal,
      onProgress: progress => {
        done.push(progress.done)
        expect(progress.total).toBe(NUM_VECTORS)
        if (done.length === 3) controller.abort()
      }
    })
    await expect(building).rejects.toMatchObject({ code: 'ABORTED' })
    expect(done).toEqual([64, 128, 192])
    const signal = AbortSignal.abort()
    await expect(buildHnsw(dense, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    const index = await graphOf('cosine')
    await expect(index.search(queries[0]!, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(index.measureOverlap({ signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('refuses options without meaning', async () => {
    const dense = indexOf(documents.slice(0, 10), 'cosine')
    for (const wrong of [
      { connectivity: 3 },
      { connectivity: 129 },
      { expansionAdd: 0 },
      { expansionSearch: 1.5 },
      { threads: 0 }
    ]) {
      await expect(buildHnsw(dense, wrong)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        place: Object.keys(wrong)[0]
      })
    }
    const index = await graphOf('cosine')
    for (const wrong of [{ expansion: 0 }, { expansion: 4097 }, { k: 0 }]) {
      const searching = index.search(queries[0]!, wrong)
      await expect(searching).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    for (const wrong of [{ k: 0 }, { sampleSize: 0 }, { expansion: 0 }]) {
      const measuring = index.measureOverlap(wrong)
      await expect(measuring).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    await expect(index.search([1])).rejects.toMatchObject({ code: 'INVALID_VECTOR' })
    await expect(index.measureOverlap({ queries: [[1]] })).rejects.toMatchObject({
      code: 'INVALID_VECTOR',
      place: 'query 0'
    })
  })
})

const HEADER_BYTES = 72
const HEAD_BYTES = 104

/** With checksums that are right, as whoever makes a wrong file makes them. */
function forged(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  view.setUint32(64, xxh32(bytes.subarray(HEADER_BYTES)), true)
  view.setBigUint64(16, BigInt(bytes.length), true)
  view.setUint32(68, xxh32(bytes.subarray(0, 68)), true)
  return bytes
}

describe('bytes', () => {
  const NUM_POINTS = 300
  const dense = indexOf(documents.slice(0, NUM_POINTS), 'cosine')
  const whole = buildHnsw(dense, { connectivity: 4 }).then(index => index.toBytes())
  const open = (bytes: Uint8Array, of = dense) => HnswIndex.fromBytes(bytes, of, 'a.hnsw')

  it('that were cut short are refused', async () => {
    const bytes = await whole
    const random = new Random(3)
    const lengths = [0, 1, 8, 71, 72, 73, bytes.length - 1]
    for (let i = 0; i < 40; i++) lengths.push(random.below(bytes.length))
    for (const length of lengths) {
      await expect(open(bytes.slice(0, length))).rejects.toMatchObject({ code: 'INDEX_CORRUPT' })
    }
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    await expect(open(longer)).rejects.toThrow('fileBytes')
    await expect(open(forged(longer))).rejects.toThrow('links')
  })

  it('of which any was changed are refused', async () => {
    const bytes = await whole
    const random = new Random(Number(process.env.DAMAGE_SEED ?? 5))
    const places = Array.from({ length: HEADER_BYTES }, (_, i) => i)
    for (let i = 0; i < 300; i++) places.push(random.below(bytes.length))
    for (const at of places) {
      const changed = bytes.slice()
      changed[at]! ^= 1 + random.below(255)
      const opening = open(changed)
      await expect(opening).rejects.toMatchObject({
        code: at >= 8 && at < 12 ? 'INDEX_VERSION' : 'INDEX_CORRUPT',
        place: 'a.hnsw'
      })
    }
  })

  it('of another graph are refused', async () => {
    const bytes = await whole
    const others = indexOf(documents.slice(1, NUM_POINTS + 1), 'cosine')
    await expect(open(bytes, others)).rejects.toThrow('the graph is one of other vectors')
    const dot = indexOf(documents.slice(0, NUM_POINTS), 'dot')
    await expect(open(bytes, dot)).rejects.toThrow('metric')
    const fewer = indexOf(documents.slice(0, NUM_POINTS - 1), 'cosine')
    await expect(open(bytes, fewer)).rejects.toThrow('numVectors')
  })

  it.each<[string, (view: DataView, links: number) => void, string]>([
    ['a head without magic', view => view.setUint8(HEADER_BYTES, 0), 'do not begin'],
    ['another metric', view => view.setUint8(HEADER_BYTES + 13, 0x68), 'metric'],
    ['other numbers', view => view.setUint8(HEADER_BYTES + 14, 11), 'scalar'],
    ['more points', view => view.setUint8(HEADER_BYTES + 17, 255), 'numPoints'],
    ['removed points', view => view.setUint8(HEADER_BYTES + 25, 1), 'numRemoved'],
    ['other dimensions', view => view.setUint8(HEADER_BYTES + 33, 1), 'dimensions'],
    ['several of a number', view => view.setUint8(HEADER_BYTES + 41, 1), 'isMulti'],
    ['more points of the graph', view => view.setUint8(HEADER_BYTES + 70, 1), 'numPoints'],
    ['other connectivity', view => view.setUint8(HEADER_BYTES + 72, 200), 'connectivity'],
    ['a base connectivity of 0', view => view.setUint8(HEADER_BYTES + 80, 0), 'baseConnectivity'],
    ['a higher level', view => view.setUint8(HEADER_BYTES + 88, 99), 'entry point'],
    ['levels without end', view => view.setUint8(HEADER_BYTES + 95, 255), 'entry point'],
    ['another entry', view => view.setUint32(HEADER_BYTES + 96, 0xffff, true), 'entry point'],
    ['a level below 0', view => view.setInt16(HEADER_BYTES + HEAD_BYTES, -1, true), 'level -1'],
    [
      'a level of its own',
      view => view.setInt16(HEADER_BYTES + HEAD_BYTES, 300, true),
      'level 300'
    ],
    ['a number twice', (view, links) => view.setUint32(links, 1, true), 'number 1 of point 1'],
    ['a number too large', (view, links) => view.setUint32(links, 5000, true), 'number 5000'],
    ['another level', (view, links) => view.setInt16(links + 8, 9, true), 'level of point 0'],
    ['too many links', (view, links) => view.setUint32(links + 10, 9, true), '9 of point 0'],
    [
      'a link to nowhere',
      (view, links) => view.setUint32(links + 14, NUM_POINTS, true),
      `from point 0 to ${NUM_POINTS}`
    ]
  ])('that were forged with %s are refused', async (_, change, problem) => {
    const bytes = (await whole).slice()
    change(new DataView(bytes.buffer), HEADER_BYTES + HEAD_BYTES + 2 * NUM_POINTS)
    const opening = open(forged(bytes))
    await expect(opening).rejects.toThrow(code('INDEX_CORRUPT'))
    await expect(opening).rejects.toThrow(problem)
  })

  it('of another major version of usearch are refused', async () => {
    const bytes = (await whole).slice()
    new DataView(bytes.buffer).setUint16(HEADER_BYTES + 7, 3, true)
    await expect(open(forged(bytes))).rejects.toThrow(code('INDEX_VERSION'))
  })

  it('that were forged anywhere are refused, or searched without harm', async () => {
    const bytes = await whole
    const random = new Random(Number(process.env.DAMAGE_SEED ?? 9))
    let numOpened = 0
    for (let i = 0; i < Number(process.env.DAMAGES ?? 400); i++) {
      const changed = bytes.slice()
      for (let n = 1 + random.below(3); n > 0; n--) {
        changed[HEADER_BYTES + random.below(bytes.length - HEADER_BYTES)] = random.below(256)
      }
      const index = await open(forged(changed)).catch(error => {
        expect(error).toMatchObject({ place: 'a.hnsw' })
        expect(['INDEX_CORRUPT', 'INDEX_VERSION']).toContain(error.code)
      })
      if (index === undefined) continue
      numOpened++
      for (const query of queries.slice(0, 3)) {
        const { hits } = await index.search(query, { k: 2, expansion: 5 })
        expect(hits).toHaveLength(2)
      }
    }
    expect(numOpened).toBeGreaterThan(10)
  })
})
