import {
  type Collection,
  type CollectionSnapshot,
  EsplanadeError,
  type SearchMode,
  type SparseVector
} from 'esplanade'
import type { QueryMode } from 'esplanade/encoder'
import {
  activeTerms,
  evaluate,
  flops,
  type Metric,
  type Qrels,
  scaledFlopsLoss,
  TermCounter,
  type TermCounts,
  type Topics
} from 'esplanade/eval'
import { quantile } from './bench-encode-once.ts'
import type { CostRow } from './cost-row.ts'

/** A way of searching that is measured. */
export interface SearchSetting {
  readonly mode: SearchMode
  /** Absent where no text becomes a sparse vector of a model. */
  readonly queryMode?: QueryMode
}

/** What is asked of a collection, and how it is judged and timed. */
export interface MeasureRequest {
  readonly settings: readonly SearchSetting[]
  readonly topics: Topics
  /** Judgements of the topics; undefined: quality is not looked at. */
  readonly qrels: Qrels | undefined
  readonly metrics: readonly Metric[]
  readonly namespace: string
  /** Hits of a search that is timed. */
  readonly k: number
  /** Over all queries and settings; the first warms up and does not count. At least 2. */
  readonly passes: number
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

/** Judged hits of a query, as many as `run` gives by default. */
const DEPTH = 1000

/** What a collection holds, counted once for all settings. */
interface Holdings {
  readonly model: TermCounts
  readonly words: TermCounts
  readonly dimensions: number
}

/** A row of figures for each setting, by one snapshot. */
export async function measureSearch(
  collection: Collection,
  snapshot: CollectionSnapshot,
  request: MeasureRequest
): Promise<Omit<CostRow, 'collection' | 'group' | 'setting'>[]> {
  const { settings, topics } = request
  const holdings = await holdingsOf(collection, snapshot, request.namespace)
  const { numDocuments, numPostings, segmentBytes } = await snapshot.stats()
  const bytes = {
    indexBytes: segmentBytes,
    bytesPerPosting:
      holdings.dimensions === 0 && numPostings > 0 ? segmentBytes / numPostings : null
  }
  const found = []
  for (const setting of settings) {
    found.push({
      numDocuments,
      numQueries: topics.size,
      metrics: await qualityOf(snapshot, setting, request),
      ...(await costsOf(collection, snapshot, setting, holdings, topics)),
      ...bytes
    })
  }
  const times = await timesInTurn(snapshot, request)
  return found.map((figures, i) => ({ ...figures, ...times[i]! }))
}

async function holdingsOf(
  { settings }: Collection,
  snapshot: CollectionSnapshot,
  namespace: string
): Promise<Holdings> {
  const [model, words] = [new TermCounter(), new TermCounter()]
  for await (const document of snapshot.documents({ namespace, includeVectors: true })) {
    for (const vector of document.vectors ?? []) model.add(vector)
    for (const vector of document.lexicalVectors ?? []) words.add(vector)
  }
  return {
    model: model.counts(),
    words: words.counts(),
    dimensions: settings.dense?.dimensions ?? 0
  }
}

async function qualityOf(
  snapshot: CollectionSnapshot,
  setting: SearchSetting,
  { topics, qrels, metrics, namespace, signal }: MeasureRequest
): Promise<Record<string, number>> {
  if (qrels === undefined) return {}
  const run = new Map()
  for (const [queryId, text] of topics) {
    const { hits } = await snapshot.search(text, { ...setting, namespace, k: DEPTH, signal })
    run.set(queryId, hits)
  }
  return evaluate(run, qrels, metrics).means
}

/** What does not depend on the machine. A dense vector is active everywhere. */
async function costsOf(
  { settings }: Collection,
  snapshot: CollectionSnapshot,
  setting: SearchSetting,
  { model, words, dimensions }: Holdings,
  topics: Topics
): Promise<Pick<CostRow, 'flops' | 'scaledFlopsLoss' | 'queryTerms' | 'documentTerms'>> {
  const { mode } = setting
  const dense = mode === 'dense' || mode === 'hybrid' ? dimensions : 0
  if (mode === 'dense') {
    return { flops: dense, scaledFlopsLoss: null, queryTerms: dense, documentTerms: dense }
  }
  // The lists that hybrid search fuses are those that are one vector otherwise.
  const inOne = settings.lexical === undefined ? 'sparse' : settings.model ? 'combined' : 'bm25'
  const sparseMode = mode === 'hybrid' ? inOne : mode
  const queries: SparseVector[] = []
  for (const text of topics.values()) {
    queries.push(await snapshot.queryVector(text, { ...setting, mode: sparseMode }))
  }
  const held = [
    ...(sparseMode === 'bm25' ? [] : [model]),
    ...(sparseMode === 'sparse' ? [] : [words])
  ]
  const sum = (figure: (counts: TermCounts) => number): number =>
    held.reduce((total, counts) => total + figure(counts), dense)
  return {
    flops: sum(counts => flops(queries, counts)),
    // Weights of another kind are of another size.
    scaledFlopsLoss:
      mode === 'sparse' && setting.queryMode !== 'inference-free'
        ? scaledFlopsLoss(queries, model)
        : null,
    queryTerms: activeTerms(queries) + dense,
    documentTerms: sum(activeTerms)
  }
}

type Times = Pick<
  CostRow,
  | 'encodeMsP50'
  | 'encodeMsP99'
  | 'searchMsP50'
  | 'searchMsP50Least'
  | 'searchMsP50Most'
  | 'searchMsP99'
  | 'queryMsP50'
  | 'queryMsP99'
>

/** Of one setting, in each pass: a time for each query. */
interface Clocked {
  readonly encode: number[][]
  readonly search: number[][]
  readonly query: number[][]
}

/**
 * All settings with all queries, pass after pass, so that whatever else the machine does meets all of
 * them alike. One query runs after the other.
 */
async function timesInTurn(
  snapshot: CollectionSnapshot,
  { settings, topics, namespace, k, passes, signal, onProgress }: MeasureRequest
): Promise<Times[]> {
  const clocked = settings.map((): Clocked => ({ encode: [], search: [], query: [] }))
  for (let pass = 0; pass < passes; pass++) {
    for (const [at, setting] of settings.entries()) {
      const [encode, search, query]: [number[], number[], number[]] = [[], [], []]
      for (const text of topics.values()) {
        if (signal.aborted) throw stopped(pass, passes)
        const before = performance.now()
        const { stages } = await snapshot.search(text, { ...setting, namespace, k })
        const ms = performance.now() - before
        const encodeMs = stages.find(({ stage }) => stage === 'encode')?.ms ?? 0
        query.push(ms)
        encode.push(encodeMs)
        search.push(ms - encodeMs)
      }
      onProgress(pass * settings.length + at + 1, passes * settings.length)
      if (pass === 0) continue
      clocked[at]!.encode.push(encode)
      clocked[at]!.search.push(search)
      clocked[at]!.query.push(query)
    }
  }
  return clocked.map(timesOf)
}

function timesOf({ encode, search, query }: Clocked): Times {
  const p50 = search.map(pass => quantile(pass, 0.5))
  return {
    encodeMsP50: quantile(encode.flat(), 0.5),
    encodeMsP99: quantile(encode.flat(), 0.99),
    searchMsP50: quantile(search.flat(), 0.5),
    searchMsP50Least: Math.min(...p50),
    searchMsP50Most: Math.max(...p50),
    searchMsP99: quantile(search.flat(), 0.99),
    queryMsP50: quantile(query.flat(), 0.5),
    queryMsP99: quantile(query.flat(), 0.99)
  }
}

function stopped(pass: number, passes: number): EsplanadeError {
  return new EsplanadeError('ABORTED', { problem: `stopped in pass ${pass + 1} of ${passes}` })
}
