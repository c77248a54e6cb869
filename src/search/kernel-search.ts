import type { KernelMemory } from '../kernel/kernel-memory.ts'
import { RequestFields } from '../kernel/memory-views.ts'
import { FLAGS, REQUEST, TERM, TERM_BYTES } from '../kernel/request.ts'
import {
  batchSize,
  MAX_HITS,
  MAX_QUERY_TERMS,
  type ScratchLayout,
  scratchLayout
} from '../kernel/scratch.ts'
import { recordFlags } from '../segment/forward-index.ts'
import type { Segment } from '../segment/segment.ts'
import type { Ranking, Selection } from './collector.ts'
import { documentAtATimePlan } from './document-at-a-time.ts'
import { type DocumentBits, listBits, numBitBytes } from './document-bits.ts'
import type { LookedUpQuery, QueryTerm } from './query-terms.ts'
import type { KernelPlan } from './strategy.ts'

/** All contributions of a query sum to at most this, so that 16 bits hold them. */
const MAX_SUM = 65_535

/** A multiplier fits in 15 bits, and an impact of 1 contributes at least 1. */
const MAX_MULTIPLIER = 32_767
const MIN_MULTIPLIER = 128

/** Units by which a bound may fall short of a score, since both are worked out in doubles. */
const SLACK = 2

/** Beyond what any score scales to. */
const NEVER = 2 ** 30

/**
 * The filter whose bits stand in a memory, and where. It belongs to the memory and not to a search,
 * since two searches of one segment share its scratch.
 */
const standingFilters = new WeakMap<
  KernelMemory,
  { readonly filter: DocumentBits; readonly address: number }
>()

/** Searches a segment with a kernel: writes a request, runs it, reads the hits. */
export class KernelSearch {
  readonly #segment: Segment
  readonly #layout: ScratchLayout
  readonly #scratch: number
  readonly #request: RequestFields
  readonly #units: Units = {
    bounds: new Float64Array(MAX_QUERY_TERMS),
    errors: new Float64Array(MAX_QUERY_TERMS),
    multipliers: new Uint16Array(MAX_QUERY_TERMS),
    surcharges: new Uint16Array(MAX_QUERY_TERMS)
  }
  /** The filter whose documents were last searched one by one. */
  #listed: { readonly filter: DocumentBits; readonly docIds: Uint32Array } | undefined

  /** @param scratch - where the scratch begins; by default after the segment */
  constructor(segment: Segment, scratch: number = segment.base + segment.fileBytes) {
    this.#segment = segment
    this.#layout = scratchLayout(segment.header)
    this.#scratch = scratch
    this.#request = new RequestFields(segment.memory.views, scratch)
    this.#writeConstants()
  }

  /** The best documents. The query has at least one term, and no more than the kernel takes. */
  search(query: LookedUpQuery, selection: Selection, plan: KernelPlan): Ranking {
    const terms = this.#withRuns(query.terms)
    if (terms.length === 0 || selection.k === 0) return nothing()
    const scale = this.#writeTerms(terms, query.length)
    this.#writeSelection(selection, scale)
    this.#writePlan(plan)
    if (plan.kernel === 'documentSearch') this.#writeList(selection.filter!)
    this.#run(plan.kernel, terms)
    return this.#answer()
  }

  /**
   * The smallest score of the documents that pass the filter, 0 for one that matches no term; infinity
   * where there are none. The query has no more terms than the kernel takes.
   */
  smallestScore(query: LookedUpQuery, filter: DocumentBits | undefined): number {
    const numDocuments = filter?.size ?? this.#segment.header.numDocuments
    if (numDocuments === 0) return Number.POSITIVE_INFINITY
    const terms = this.#withRuns(query.terms)
    if (terms.length === 0) return 0
    const scale = this.#writeTerms(terms, query.length)
    this.#writeSelection({ ...ALL_DOCUMENTS, filter }, scale)
    for (const name of ANSWERS) this.#request.setU32(name, 0)
    return this.#run('smallestScore', terms)
  }

  /**
   * The documents of a list that match, with their exact scores, in the order of hits.
   *
   * @param docIds - document ids, each once; at most {@link LIST_LENGTH}
   */
  scoreList(query: LookedUpQuery, docIds: Uint32Array): Ranking {
    const terms = this.#withRuns(query.terms)
    if (terms.length === 0) return nothing()
    const scale = this.#writeTerms(terms, query.length)
    this.#writeSelection({ ...ALL_DOCUMENTS, k: docIds.length, filter: undefined }, scale)
    this.#writePlan(documentAtATimePlan(docIds.length))
    this.#segment.memory.views.u32.set(docIds, (this.#scratch + this.#layout.plan) >>> 2)
    this.#run('documentSearch', terms)
    return this.#answer()
  }

  /** The terms that this segment holds; others of the lexicon occur in other segments only. */
  #withRuns(terms: readonly QueryTerm[]): readonly QueryTerm[] {
    const { runOffsets } = this.#segment
    const hasRuns = ({ termIndex }: QueryTerm): boolean =>
      runOffsets[termIndex + 1]! > runOffsets[termIndex]!
    return terms.every(hasRuns) ? terms : terms.filter(hasRuns)
  }

  /** What is the same for all searches. */
  #writeConstants(): void {
    const { header, numWindows, lastWindowDocuments, memory } = this.#segment
    const values: Partial<Record<keyof typeof REQUEST, number>> = {
      windowDocuments: header.windowDocuments,
      numWindows,
      lastWindowDocuments,
      numDocuments: header.numDocuments,
      postings: this.#segment.addressOf('postings'),
      documentOffsets: this.#segment.addressOf('documentOffsets'),
      documents: this.#segment.addressOf('documents'),
      lexiconSize: header.numTerms
    }
    for (const name of POINTERS) values[name] = this.#scratch + this.#layout[name]
    for (const [name, value] of Object.entries(values)) {
      memory.views.u32[(this.#scratch + REQUEST[name as keyof typeof REQUEST]) >>> 2] = value
    }
  }

  /** Term entries and scale; `src/kernel/window-search.ts` says why the surcharges are enough. */
  #writeTerms(terms: readonly QueryTerm[], length: number): number {
    const { maxWeights, maxErrors, runOffsets, header, memory } = this.#segment
    const { u32 } = memory.views
    const divisor = header.metric === 'cosine' ? length : 1
    const { bounds, errors, multipliers, surcharges } = this.#units
    for (let i = 0; i < terms.length; i++) {
      const weight = terms[i]!.weight / divisor
      bounds[i] = weight * maxWeights[terms[i]!.termIndex]!
      errors[i] = weight * maxErrors[terms[i]!.termIndex]!
    }
    const { scale, spread } = toUnits(this.#units, terms.length)
    const runs = this.#segment.addressOf('runs')
    const maxima = this.#segment.addressOf('runMaxima')
    for (let i = 0; i < terms.length; i++) {
      const { termIndex } = terms[i]!
      const entry = (this.#scratch + this.#layout.terms + i * TERM_BYTES) >>> 2
      const start = runOffsets[termIndex]!
      u32[entry + (TERM.runs >>> 2)] = runs + 8 * start
      u32[entry + (TERM.runsEnd >>> 2)] = runs + 8 * runOffsets[termIndex + 1]!
      u32[entry + (TERM.maxima >>> 2)] = maxima + start
      u32[entry + (TERM.multiplier >>> 2)] = multipliers[i]!
      u32[entry + (TERM.surcharge >>> 2)] = surcharges[i]!
    }
    const request = this.#request
    request.setU32('numTerms', terms.length)
    request.setU32('slack', SLACK)
    request.setU32('spread', spread)
    request.setF64('scale', scale)
    request.setF64('queryLength', length)
    return scale
  }

  #writeSelection(selection: Selection, scale: number): void {
    const { k, minScore, after } = selection
    const request = this.#request
    const { header } = this.#segment
    const wanted = Math.min(k, header.numDocuments, MAX_HITS)
    const cosine = header.metric === 'cosine' ? FLAGS.cosine : 0
    const flags = recordFlags(this.#segment) | cosine | (after ? FLAGS.hasAfter : 0)
    request.setU32('flags', flags)
    request.setU32('k', wanted)
    request.setU32('batch', batchSize(wanted))
    request.setU32('filter', this.#writeFilter(selection))
    request.setF64('minScore', minScore)
    request.setU32('threshold', scaled(minScore, scale))
    // A document of this bound is certain to stand after the last page.
    const countable = after ? scaled(after.score, scale) - SLACK - 1 : NEVER
    request.setU32('countable', countable)
    request.setF64('afterScore', after?.score ?? 0)
    request.setU32('afterId', after?.id ?? 0)
  }

  #writePlan(plan: KernelPlan): void {
    const request = this.#request
    request.setU32('numSeeds', plan.numSeeds)
    request.setU32('numOrdered', plan.numOrdered)
    request.setU32('numVisits', plan.numVisits)
    request.setF64('leaveOut', plan.leaveOut)
    request.setF64('overestimate', plan.overestimate)
    for (const name of ANSWERS) request.setU32(name, 0)
  }

  /** Where the filter's bits stand, by document id; 0 without a filter. */
  #writeFilter({ filter }: Selection): number {
    if (filter === undefined) return 0
    const { memory, header } = this.#segment
    const address = this.#scratch + this.#layout.filter
    const standing = standingFilters.get(memory)
    if (standing?.filter === filter && standing.address === address) return address
    // No more than its place holds, whoever made the bits.
    const bits = filter.bits.subarray(0, numBitBytes(header.numDocuments))
    memory.views.u8.set(bits, address)
    memory.views.u8.fill(0, address + bits.length, address + numBitBytes(header.numDocuments))
    standingFilters.set(memory, { filter, address })
    return address
  }

  /** The filter's documents as a list. */
  #writeList(filter: DocumentBits): void {
    if (this.#listed?.filter !== filter) this.#listed = { filter, docIds: listBits(filter) }
    const { docIds } = this.#listed
    this.#segment.memory.views.u32.set(docIds, (this.#scratch + this.#layout.plan) >>> 2)
    this.#request.setU32('numVisits', docIds.length)
    // The list is the filter.
    this.#request.setU32('filter', 0)
  }

  /** Runs a kernel on the request that was written, and gives its answer. */
  #run(name: KernelPlan['kernel'] | 'smallestScore', terms: readonly QueryTerm[]): number {
    this.#mark(terms, 4)
    const answer = this.#segment.memory.kernel[name](this.#scratch)
    this.#mark(terms, 0)
    return answer
  }

  /** Marks the query's terms for the exact scores, or unmarks them. */
  #mark(terms: readonly QueryTerm[], mark: number): void {
    const { u8, f32 } = this.#segment.memory.views
    const marks = this.#scratch + this.#layout.isQueryTerm
    const weights = (this.#scratch + this.#layout.queryWeights) >>> 2
    for (const { termIndex, weight } of terms) {
      u8[marks + termIndex] = mark
      f32[weights + termIndex] = weight
    }
  }

  #answer(): Ranking {
    const request = this.#request
    const { u32, f64 } = this.#segment.memory.views
    const numHits = request.u32('numHits')
    const ids = (this.#scratch + this.#layout.heapIds) >>> 2
    const scores = (this.#scratch + this.#layout.heapScores) >>> 3
    // Copies: the scratch is the next search's.
    const hitIds = new Array<number>(numHits)
    const hitScores = new Array<number>(numHits)
    for (let i = 0; i < numHits; i++) {
      hitIds[i] = u32[ids + i]!
      hitScores[i] = f64[scores + i]!
    }
    return {
      ids: hitIds,
      scores: hitScores,
      numScored: request.u32('numScored'),
      numPostings: request.u32('numPostings'),
      numBlocks: request.u32('numBlocks')
    }
  }
}

/** Documents of a list, at most: every segment has room for as many. */
export const LIST_LENGTH: number = MAX_QUERY_TERMS

const ALL_DOCUMENTS = { k: 1, minScore: Number.NEGATIVE_INFINITY, after: undefined }

/** Fields of a request that point into the scratch. */
const POINTERS = [
  'terms',
  'order',
  'matches',
  'histogram',
  'bounds',
  'plan',
  'limits',
  'accumulator',
  'pending',
  'heapScores',
  'heapIds',
  'isQueryTerm',
  'queryWeights'
] as const

/** Fields that the kernel adds to. */
const ANSWERS = ['numHits', 'numPostings', 'numBlocks', 'numScored'] as const

function nothing(): Ranking {
  return {
    ids: [],
    scores: [],
    numScored: 0,
    numPostings: 0,
    numBlocks: 0
  }
}

/** A score in units of a contribution, rounded down, from 0. */
function scaled(score: number, scale: number): number {
  return Math.max(0, Math.min(NEVER, Math.floor(score * scale)))
}

/** The terms of a query in units of a contribution; entry i of each belongs to term i. */
interface Units {
  /** The largest contribution to a score, above 0, and its largest error of quantisation. */
  readonly bounds: Float64Array
  readonly errors: Float64Array
  readonly multipliers: Uint16Array
  readonly surcharges: Uint16Array
}

/**
 * The largest scale with which all contributions fit in 16 bits; fills in multipliers and surcharges.
 *
 * A product lies off by the error of the impact, by what the multiplier was rounded by, and by half a
 * unit that the product was. The surcharge makes up for all of it, so that a contribution is never
 * too small; by how much all of them together may be too large is the spread.
 */
function toUnits(
  { bounds, errors, multipliers, surcharges }: Units,
  n: number
): { scale: number; spread: number } {
  let sum = 0
  let largest = 0
  for (let i = 0; i < n; i++) {
    sum += bounds[i]! + errors[i]!
    largest = Math.max(largest, bounds[i]!)
  }
  let scale = Math.min((MAX_SUM - 3 * n) / sum, ((MAX_MULTIPLIER / 256) * 255) / largest)
  for (;;) {
    let total = 0
    let spread = SLACK
    for (let i = 0; i < n; i++) {
      const exact = (scale * bounds[i]! * 256) / 255
      const multiplier = Math.max(MIN_MULTIPLIER, Math.min(MAX_MULTIPLIER, Math.round(exact)))
      const error = scale * errors[i]! + 0.5
      const surcharge = Math.ceil(error + Math.max(0, exact - multiplier))
      multipliers[i] = multiplier
      surcharges[i] = surcharge
      total += ((255 * multiplier + 128) >>> 8) + surcharge
      spread += surcharge + error + Math.max(0, multiplier - exact)
    }
    // Not so either where a forged file makes them no numbers; then nothing is found, but it ends.
    if (!(total > MAX_SUM)) return { scale, spread: Math.min(Math.ceil(spread), NEVER) }
    scale *= 0.95
  }
}
