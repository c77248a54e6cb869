import { andBits } from '../filter/bits.ts'
import type { Columns } from '../filter/columns.ts'
import { type Filter, filterKey } from '../filter/filter.ts'
import type { DocumentBits } from '../search/document-bits.ts'
import { pageStart } from '../search/page-start.ts'
import { type LookedUpQuery, TermLookup } from '../search/query-terms.ts'
import { type SegmentResult, SegmentSearcher } from '../search/segment-searcher.ts'
import type { Strategy } from '../search/strategy.ts'
import type { Segment } from '../segment/segment.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { DenseEntries } from './build-dense.ts'
import type { EntryPlace, EntrySeqs } from './entry-key.ts'
import { SegmentDense } from './segment-dense.ts'
import type { SegmentRecord } from './segment-manifest.ts'

/** Documents that a search is limited to, by what they are. */
export interface DocumentScope {
  readonly namespace: string
  readonly filter: Filter | undefined
}

/** What is wanted of the search of one segment. */
export interface EntrySelection {
  readonly k: number
  readonly minScore: number
  /** Only entries after this one. */
  readonly after: (EntryPlace & { readonly score: number }) | undefined
  readonly strategy: Strategy
}

/** What is read of the files of a segment. */
export interface SegmentParts {
  readonly segment: Segment
  readonly seqs: EntrySeqs
  readonly columns: Columns
  /** Undefined where no entry has a dense vector that is searched. */
  readonly dense: DenseEntries | undefined
}

/** Scopes whose bits are kept. */
const MAX_SCOPES = 16

/** A segment of a collection, ready to be searched: its entries, and the columns of its documents. */
export class OpenSegment {
  readonly record: SegmentRecord
  readonly segment: Segment
  readonly seqs: EntrySeqs
  readonly columns: Columns
  /** Undefined where no entry has a dense vector that is searched. */
  readonly dense: SegmentDense | undefined
  readonly #searcher: SegmentSearcher
  readonly #lookup: TermLookup
  /** Bits by scope, the last used last: those of the scope, and those of them that are live. */
  readonly #scopes = new Map<string, ScopeBits>()

  constructor(record: SegmentRecord, { segment, seqs, columns, dense }: SegmentParts) {
    this.record = record
    this.segment = segment
    this.seqs = seqs
    this.columns = columns
    this.dense = dense && new SegmentDense(dense, segment, record.file)
    this.#searcher = new SegmentSearcher(segment)
    this.#lookup = new TermLookup(segment.lexicon)
  }

  /** Whether a document has entries here, dead or alive. */
  has(seq: number): boolean {
    const [first, end] = this.seqs.entriesOf(seq)
    return first < end
  }

  /** Entries that hold a term, dead or alive. */
  documentFrequency(termId: number): number {
    const termIndex = this.#lookup.placeOf(termId)
    return termIndex < 0 ? 0 : this.segment.numPostingsOf(termIndex)
  }

  /** Postings of the terms from one on, of entries dead or alive. */
  numPostingsFrom(termId: number): number {
    const { lexicon } = this.segment
    let sum = 0
    for (let i = lexicon.length - 1; i >= 0 && lexicon[i]! >= termId; i--) {
      sum += this.segment.numPostingsOf(i)
    }
    return sum
  }

  /** The terms of a query that occur here, by their places. */
  lookUp(query: SparseVector): LookedUpQuery {
    return this.#lookup.query(query)
  }

  /** The best entries; ids are entries in the order in which they were added. */
  search(query: SparseVector, selection: EntrySelection, filter?: DocumentBits): SegmentResult {
    const { k, minScore, after, strategy } = selection
    const { numDocuments } = this.segment.header
    const start =
      after &&
      pageStart(this.seqs.entryAt(after.seq, after.passageIndex), after.score, numDocuments)
    return this.#searcher.search(
      this.#lookup.query(query),
      { k: Math.max(1, Math.min(k, numDocuments)), filter, minScore, after: start },
      strategy
    )
  }

  /** The exact scores of some entries, in their order; 0 for one that matches no term. */
  scores(query: SparseVector, entries: readonly number[]): Float64Array {
    return this.#searcher.scores(this.#lookup.query(query), entries)
  }

  /** The smallest score of entries, 0 for one that matches no term; infinity where there are none. */
  smallestScore(query: SparseVector, filter: DocumentBits | undefined): number {
    return this.#searcher.smallestScore(this.#lookup.query(query), filter)
  }

  /** The live entries of a scope: undefined where that is all of them. */
  bits(scope: DocumentScope, live: DocumentBits | undefined): DocumentBits | undefined {
    const key = `${scope.namespace}\0${scope.filter === undefined ? '' : filterKey(scope.filter)}`
    const kept = this.#scopes.get(key)
    const all = kept === undefined ? this.#evaluate(scope) : kept.all
    const isFresh = kept !== undefined && kept.live === live
    const both = isFresh ? kept.both : all && live ? andBits(all, live) : (all ?? live)
    this.#scopes.delete(key)
    this.#scopes.set(key, { all, live, both })
    if (this.#scopes.size > MAX_SCOPES) this.#scopes.delete(this.#scopes.keys().next().value!)
    return both
  }

  /** The bits of a scope, the dead among them; undefined where that is all entries. */
  #evaluate({ namespace, filter }: DocumentScope): DocumentBits | undefined {
    const inNamespace = this.columns.namespaceBits(namespace)
    if (inNamespace === 'none') return EMPTY
    const tenant = inNamespace === 'all' ? undefined : inNamespace
    if (filter === undefined) return tenant
    const passing = this.columns.evaluate(filter)
    return tenant === undefined ? passing : andBits(passing, tenant)
  }
}

interface ScopeBits {
  readonly all: DocumentBits | undefined
  readonly live: DocumentBits | undefined
  readonly both: DocumentBits | undefined
}

const EMPTY: DocumentBits = { bits: new Uint8Array(0), size: 0 }
