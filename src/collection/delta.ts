import { typesOfMetadata } from '../filter/check-types.ts'
import type { ValueType } from '../filter/value.ts'
import { TopK } from '../kernel/top-k.ts'
import type { Ranking } from '../search/collector.ts'
import { type Metric, norm } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { DeltaPostings } from './delta-postings.ts'
import type { EntryPlace } from './entry-key.ts'
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
  /** What the last filters said of each document: 1 passes, 2 does not, undefined not asked. */
  readonly #answers = new Map<string, number[]>()
  /** By namespace and path: the first entry with each type, and how many documents were looked at. */
  readonly #types = new Map<string, { readonly firsts: Map<ValueType, number>; numSeen: number }>()

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

  /** Adds a document, one entry a passage. Its `seq` is above all before. */
  add(document: DeltaDocument, passages: readonly SparseVector[]): void {
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

  #isWanted(entry: number, score: number, { after, commit }: DeltaSelection): boolean {
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
