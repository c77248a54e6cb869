import type { Hit } from '../vector/hit.ts'
import type { IndexDocuments } from './index-documents.ts'
import type { IndexRanking, IndexSearcher, IndexSelection } from './index-searcher.ts'
import type { LookedUpQuery } from './query-terms.ts'
import type { SearchResult, SearchStats } from './search-options.ts'

/** What a result is about. */
interface Found {
  readonly query: LookedUpQuery
  readonly selection: IndexSelection
  readonly ranking: IndexRanking
  readonly searchAfter: Hit | undefined
}

/** What `SparseIndex.search` returns. A class, since an object with getters of its own costs more. */
export class IndexResult implements SearchResult {
  readonly hits: readonly Hit[]
  readonly rankSafe: boolean
  readonly stats: SearchStats
  readonly #documents: IndexDocuments
  readonly #searcher: IndexSearcher
  readonly #found: Found

  constructor(
    { documents, searcher }: { documents: IndexDocuments; searcher: IndexSearcher },
    found: Found
  ) {
    const { query, selection, ranking, searchAfter } = found
    const { places, scores } = ranking
    const firstRank = (searchAfter?.rank ?? 0) + 1
    const keys = documents.keysOf(places)
    const hits = new Array<Hit>(keys.length)
    for (let i = 0; i < keys.length; i++) {
      hits[i] = { key: keys[i]!, score: scores[i]!, rank: firstRank + i }
    }
    this.hits = hits
    this.rankSafe = typeof selection.strategy === 'string'
    this.stats = {
      numQueryTerms: query.terms.length,
      numUnknownTerms: query.numUnknownTerms,
      strategy: ranking.strategy,
      numPostings: ranking.numPostings,
      numBlocks: ranking.numBlocks,
      numScored: ranking.numScored
    }
    this.#documents = documents
    this.#searcher = searcher
    this.#found = found
  }

  /** Smallest score of all documents that pass the filter. */
  get min(): number {
    return this.#searcher.smallestScore(this.#found.query, this.#found.selection.filter)
  }

  /** Largest score of all documents that pass the filter. */
  get max(): number {
    const { query, selection, ranking, searchAfter } = this.#found
    const isBest = this.rankSafe && searchAfter === undefined && ranking.scores.length > 0
    if (isBest) return ranking.scores[0]!
    const { filter } = selection
    const all = { filter, minScore: Number.NEGATIVE_INFINITY, after: undefined }
    const best = this.#searcher.search(query, { ...all, k: 1, strategy: 'auto' })
    return best.scores[0] ?? 0
  }

  /** A field, so that it can be taken out of the result. */
  readonly scoresOf = (keys: readonly string[]): Float64Array =>
    this.#documents.scores(this.#found.query, keys)
}
