import { typesOfMetadata } from '../filter/check-types.ts'
import type { ValueType } from '../filter/value.ts'
import { TopK } from '../kernel/top-k.ts'
import type { Ranking } from '../search/collector.ts'
import type { DenseRanking } from '../search/flat-scan.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { type Metric, norm } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { DeltaDense } from './delta-dense.ts'
import { DeltaPostings } from './delta-postings.ts'
import type { DenseSettings } from './dense-settings.ts'
import type { EntryPlace } from './entry-key.ts'
import { unpackDense } from './passage-dense.ts'
import type { StoredDocument } from './store.ts'

/** What a delta keeps of a document beside its vectors. */
export type DeltaDocument = Pick<StoredDocument, 'seq' | 'namespace' | 'metadata'>

/** Which documents count; its answer for a document never changes. */
export interface DeltaFilter {
  /** Two filters of one name answer the same. */
  readonly name: string
  passes(document: DeltaDocument): boolean
}

/** What is wanted of a search in a delta. */
export interface DeltaSelection {
  /** Entries from this one on are not there yet. */
  readonly numEntries: number
  /** Entries that died in this commit or before are gone. */
  readonly commit: number
  readonly k: number
  readonly minScore: number
  /** Only entries after this one; `entry` may be any number, as may that of another segment. */
  readonly after: { readonly entry: number; readonly score: number } | undefined
  readonly filter: DeltaFilter | undefined
  readonly metric: Metric
}

/** What is wanted of a search for dense vectors. */
export type DeltaDenseSelection = Omit<DeltaSelection, 'metric'>

type Wanted = Pick<DeltaSelection, 'after' | 'commit'>

/** Filters whose answers are kept. */
const MAX_FILTERS = 8

/**
 * The documents that were written last and are in no segment yet, in memory, searched exactly.
 *
 * It only grows, so a view of it is a number of entries. What dies keeps its entries, with the commit
 * in which it died. Sums are in float64 by ascending term, as the oracle's.
 */
export class Delta {
  readonly #postings = new DeltaPostings()
  readonly #documents: DeltaDocument[] = []
  readonly #documentOf: number[] = []
  readonly #passageOf: number[] = []
  readonly #norms: number[] = []
  /** By document: the commit in which it died, or infinity. */
  readonly #diedIn: number[] = []
  readonly #firstEntryOf: number[] = []
  /** By entry: postings of all entries up to it. */
  readonly #postingsUpTo: number[] = []
  /** Undefined where dense vectors are not searched. */
  readonly #dense: DeltaDense | undefined
  /** What the last filters said of each document: 1 passes, 2 does not, undefined not asked. */
  readonly #answers = new Map<string, number[]>()
  /** By namespace and path: the first entry with each type, and how many documents were looked at. */
  readonly #types = new Map<string, { readonly firsts: Map<ValueType, number>; numSeen: number }>()

  /** @param dense - undefined where dense vectors are not searched */
  constructor(dense?: DenseSettings) {
    this.#dense = dense && new DeltaDense(dense)
  }

  get numEntries(): number {
    return this.#documentOf.length
  }

  get numDocuments(): number {
    return this.#documents.length
  }

  get numPostings(): number {
    return this.numPostingsOf(this.numEntries)
  }

  /** Postings of the first so many entries. */
  numPostingsOf(numEntries: number): number {
    return this.#postingsUpTo[numEntries - 1] ?? 0
  }

  /** 0 for an empty one. */
  get lastSeq(): number {
    return this.#documents.at(-1)?.seq ?? 0
  }

  /** Dense vectors of the first so many entries, dead or alive. */
  numDenseOf(numEntries: number): number {
    return this.#dense?.firstRow(numEntries) ?? 0
  }

  /** Bytes of its dense vectors. */
  get denseBytes(): number {
    return this.#dense?.numBytes ?? 0
  }

  /**
   * Adds a document, one entry a passage. Its `seq` is above all before.
   *
   * @param dense - its dense vectors as `packDense` has them
   */
  add(
    document: DeltaDocument,
    passages: readonly SparseVector[],
    dense: Float32Array | undefined = undefined
  ): void {
    const documentIndex = this.#documents.push(document) - 1
    this.#diedIn.push(Number.POSITIVE_INFINITY)
    this.#firstEntryOf.push(this.#documentOf.length)
    for (const [passageIndex, vector] of passages.entries()) {
      const entry = this.#documentOf.push(documentIndex) - 1
      this.#passageOf.push(passageIndex)
      this.#norms.push(norm(vector))
      this.#postings.add(vector)
      this.#postingsUpTo.push((this.#postingsUpTo[entry - 1] ?? 0) + vector.terms.length)
    }
    if (this.#dense !== undefined) this.#addDense(this.#dense, document, passages.length, dense)
  }

  #addDense(
    rows: DeltaDense,
    { seq }: DeltaDocument,
    numPassages: number,
    packed: Float32Array | undefined
  ): void {
    const { dimensions } = rows.settings
    const first = this.numEntries - numPassages
    const vectors = unpackDense(packed, numPassages, dimensions, () => `document ${seq}`)
    for (const [i, vector] of vectors.entries()) if (vector) rows.add(first + i, vector)
  }

  /**
   * Puts a part of the postings in order. What was added until now was written, and will not be taken
   * back.
   *
   * @returns whether there is more to do; searches are right before it is done, but slower
   */
  settle(): boolean {
    return this.#postings.settle(this.numEntries)
  }

  /** Of the first so many entries those that hold each of some terms, dead or alive. */
  documentFrequencies(termIds: Uint32Array, numEntries: number): Uint32Array {
    return this.#postings.documentFrequencies(termIds, numEntries)
  }

  /** Of the first so many entries the postings of the terms from one on. */
  numPostingsFrom(termId: number, numEntries: number): number {
    const counts = this.#postings.documentFrequencies(this.#postings.termsFrom(termId), numEntries)
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Takes back all documents but the first so many: the others could not be written. */
  truncate(numDocuments: number): void {
    if (numDocuments === this.#documents.length) return
    const numEntries = this.#firstEntryOf[numDocuments]!
    this.#postings.truncate(numEntries)
    this.#dense?.truncate(numEntries)
    for (const list of [this.#documents, this.#diedIn, this.#firstEntryOf]) {
      list.length = numDocuments
    }
    for (const list of [this.#documentOf, this.#passageOf, this.#norms, this.#postingsUpTo]) {
      list.length = numEntries
    }
    this.#answers.clear()
    this.#types.clear()
  }

  /** Lets a document die in a commit; says whether it was here and alive. */
  kill(seq: number, commit: number): boolean {
    const at = this.#find(seq)
    if (at === undefined || this.#diedIn[at] !== Number.POSITIVE_INFINITY) return false
    this.#diedIn[at] = commit
    return true
  }

  /**
   * Types of the values that documents of a namespace have in a field, the dead among them: those of
   * the first so many entries.
   */
  typesOf(path: string, namespace: string, numEntries: number): ReadonlySet<ValueType> {
    const name = JSON.stringify([namespace, path])
    const known = this.#types.get(name) ?? { firsts: new Map<ValueType, number>(), numSeen: 0 }
    this.#types.set(name, known)
    const { firsts } = known
    for (; known.numSeen < this.#documents.length; known.numSeen++) {
      const document = this.#documents[known.numSeen]!
      if (document.namespace !== namespace) continue
      for (const type of typesOfMetadata(document.metadata, path)) {
        if (!firsts.has(type)) firsts.set(type, this.#firstEntryOf[known.numSeen]!)
      }
    }
    return new Set([...firsts.keys()].filter(type => firsts.get(type)! < numEntries))
  }

  /** Whether a document is here, dead or alive. */
  has(seq: number): boolean {
    return this.#find(seq) !== undefined
  }

  /** The document and passage of an entry. */
  placeOf(entry: number): EntryPlace {
    const { seq } = this.#documents[this.#documentOf[entry]!]!
    return { seq, passageIndex: this.#passageOf[entry]! }
  }

  /** The last entry that does not stand behind this place; −1 where all do. */
  entryAt({ seq, passageIndex }: EntryPlace): number {
    const documentIndex = this.#lowerBound(seq)
    const first = this.#firstEntryOf[documentIndex] ?? this.numEntries
    return this.#documents[documentIndex]?.seq === seq ? first + passageIndex : first - 1
  }

  /** The best entries for a query, by ascending term. */
  search(query: SparseVector, selection: DeltaSelection): Ranking {
    const { numEntries, k, metric, filter } = selection
    const answers = filter && this.#answersOf(filter)
    const scores = this.#postings.sum(query, numEntries)
    const length = metric === 'cosine' ? norm(query) : 1
    const best = new TopK(Math.min(k, Math.max(numEntries, 1)))
    let numScored = 0
    for (let entry = 0; entry < numEntries; entry++) {
      const sum = scores[entry]!
      if (sum === 0) continue
      scores[entry] = 0
      numScored++
      const score = metric === 'cosine' ? sum / (length * this.#norms[entry]!) : sum
      if (score < best.threshold || score < selection.minScore) continue
      if (!this.#isWanted(entry, score, selection)) continue
      if (filter && !this.#passes(this.#documentOf[entry]!, filter, answers!)) continue
      best.offer(entry, score)
    }
    const { ids, scores: bestScores } = best.drain()
    return {
      ids: [...ids],
      scores: [...bestScores],
      numScored,
      numPostings: numScored,
      numBlocks: 0
    }
  }

  /**
   * The smallest score of all documents that count, each by its best passage; one that matches no term
   * has 0. Infinity where none counts.
   */
  smallestScore(
    query: SparseVector,
    { numEntries, commit, filter, metric }: Omit<DeltaSelection, 'k' | 'minScore' | 'after'>
  ): number {
    const answers = filter && this.#answersOf(filter)
    const scores = this.#postings.sum(query, numEntries)
    const length = metric === 'cosine' ? norm(query) : 1
    let smallest = Number.POSITIVE_INFINITY
    let entry = 0
    while (entry < numEntries && smallest > 0) {
      const documentIndex = this.#documentOf[entry]!
      let best = 0
      for (; entry < numEntries && this.#documentOf[entry] === documentIndex; entry++) {
        const sum = scores[entry]!
        if (sum === 0) continue
        best = Math.max(best, metric === 'cosine' ? sum / (length * this.#norms[entry]!) : sum)
      }
      if (best >= smallest || this.#diedIn[documentIndex]! <= commit) continue
      if (filter && !this.#passes(documentIndex, filter, answers!)) continue
      smallest = best
    }
    scores.fill(0, 0, numEntries)
    return smallest
  }

  /** The best entries for a dense query, which is checked; none where dense vectors are not searched. */
  searchDense(query: DenseVector, selection: DeltaDenseSelection): DenseRanking {
    const { k, minScore, filter } = selection
    const answers = filter && this.#answersOf(filter)
    const rows = this.#denseRows(selection, answers)
    const scores = this.#dense?.scores(query, rows) ?? new Float64Array()
    const best = new TopK(Math.max(1, Math.min(k, rows.length)))
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let i = 0; i < rows.length; i++) {
      const score = scores[i]!
      if (score < min) min = score
      if (score > max) max = score
      if (score < best.threshold || score < minScore) continue
      const entry = this.#dense!.entryOf(rows[i]!)
      if (this.#isWanted(entry, score, selection)) best.offer(entry, score)
    }
    const { ids, scores: bestScores } = best.drain()
    const range = rows.length === 0 ? { min: 0, max: 0 } : { min, max }
    const counts = { numScanned: rows.length, numScored: rows.length }
    return { ids: [...ids], scores: [...bestScores], ...range, ...counts }
  }

  /** The rows of the dense vectors that are there, are alive and pass the filter. */
  #denseRows(
    { numEntries, commit, filter }: DeltaDenseSelection,
    answers: number[] | undefined
  ): Uint32Array {
    if (this.#dense === undefined) return new Uint32Array()
    const numRows = this.#dense.firstRow(numEntries)
    const rows = new Uint32Array(numRows)
    let count = 0
    for (let row = 0; row < numRows; row++) {
      const documentIndex = this.#documentOf[this.#dense.entryOf(row)]!
      if (this.#diedIn[documentIndex]! <= commit) continue
      if (filter && !this.#passes(documentIndex, filter, answers!)) continue
      rows[count++] = row
    }
    return rows.subarray(0, count)
  }

  /** The rows of a document's dense vectors, `[first, end)`; empty where it is not here or has none. */
  denseRowsOf(seq: number): readonly [first: number, end: number] {
    const at = this.#find(seq)
    if (at === undefined || this.#dense === undefined) return [0, 0]
    const end = this.#firstEntryOf[at + 1] ?? this.numEntries
    return [this.#dense.firstRow(this.#firstEntryOf[at]!), this.#dense.firstRow(end)]
  }

  /** The scores of rows, which ascend. */
  denseScores(query: DenseVector, rows: Uint32Array): Float64Array {
    return this.#dense?.scores(query, rows) ?? new Float64Array()
  }

  #isWanted(entry: number, score: number, { after, commit }: Wanted): boolean {
    if (after && (score > after.score || (score === after.score && entry <= after.entry))) {
      return false
    }
    return this.#diedIn[this.#documentOf[entry]!]! > commit
  }

  #passes(documentIndex: number, filter: DeltaFilter, answers: number[]): boolean {
    answers[documentIndex] ??= filter.passes(this.#documents[documentIndex]!) ? 1 : 2
    return answers[documentIndex] === 1
  }

  #answersOf({ name }: DeltaFilter): number[] {
    const answers = this.#answers.get(name) ?? []
    // The filter that was used last stands last.
    this.#answers.delete(name)
    this.#answers.set(name, answers)
    if (this.#answers.size > MAX_FILTERS) {
      this.#answers.delete(this.#answers.keys().next().value!)
    }
    return answers
  }

  #find(seq: number): number | undefined {
    const documentIndex = this.#lowerBound(seq)
    return this.#documents[documentIndex]?.seq === seq ? documentIndex : undefined
  }

  /** The first document of at least this number. */
  #lowerBound(seq: number): number {
    let low = 0
    let high = this.#documents.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#documents[middle]!.seq < seq) low = middle + 1
      else high = middle
    }
    return low
  }
}
