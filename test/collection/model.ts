import type { Metadata, MetadataValue } from '../../src/corpus/metadata.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

/**
 * What a collection is, without files, segments or threads: a list of documents in the order in which
 * they were written, compared one after the other. Shares no code with what it is the measure of.
 */

/** A document of the model. */
export interface ModelDocument {
  readonly namespace: string
  readonly key: string
  readonly text: string
  readonly metadata: Metadata
  readonly passages?: readonly (readonly [start: number, end: number])[]
  readonly vectors: readonly SparseVector[]
  /** Where words are terms: those of each passage, with greater ids. */
  readonly lexicalVectors?: readonly SparseVector[]
}

/** All documents, oldest first. Never changed: a write makes another list. */
export type ModelState = readonly ModelDocument[]

/** Documents in the place of those of the same names, behind all others. */
export function afterUpsert(state: ModelState, documents: readonly ModelDocument[]): ModelState {
  let next = state
  for (const one of documents) next = [...afterDelete(next, one.namespace, [one.key]), one]
  return next
}

/** Without the documents of some keys. */
export function afterDelete(
  state: ModelState,
  namespace: string,
  keys: readonly string[]
): ModelState {
  return state.filter(one => one.namespace !== namespace || !keys.includes(one.key))
}

/** Without the documents of a namespace that pass a filter. */
export function afterDeleteWhere(
  state: ModelState,
  namespace: string,
  filter: ModelFilter
): ModelState {
  return state.filter(one => one.namespace !== namespace || !passes(filter, one.metadata))
}

/** What is asked of the model. */
export interface ModelQuery {
  readonly vector: SparseVector
  readonly metric: 'dot' | 'cosine'
  readonly namespace: string
  readonly filter: ModelFilter | undefined
  readonly minScore: number
}

/** What the model answers. */
export interface ModelHit {
  readonly key: string
  readonly score: number
  readonly rank: number
  readonly passage: readonly [start: number, end: number] | undefined
}

/** All hits, best first. */
export function ranking(state: ModelState, query: ModelQuery): ModelHit[] {
  const found: Omit<ModelHit, 'rank'>[] = []
  for (const document of state) {
    if (document.namespace !== query.namespace) continue
    if (query.filter !== undefined && !passes(query.filter, document.metadata)) continue
    const scores = document.vectors.map((vector, i) => {
      const parts = [vector, ...(document.lexicalVectors?.slice(i, i + 1) ?? [])]
      const whole = {
        terms: Uint32Array.from(parts.flatMap(({ terms }) => [...terms])),
        weights: Float32Array.from(parts.flatMap(({ weights }) => [...weights]))
      }
      return scoreOf(query.vector, whole, query.metric)
    })
    const score = Math.max(...scores)
    if (score === 0 || score < query.minScore) continue
    const passage = document.passages?.[scores.indexOf(score)]
    found.push({ key: document.key, score, passage })
  }
  found.sort((a, b) => b.score - a.score)
  return found.map((hit, i) => ({ ...hit, rank: i + 1 }))
}

function scoreOf(query: SparseVector, document: SparseVector, metric: 'dot' | 'cosine'): number {
  const weights = new Map(Array.from(document.terms, (term, i) => [term, document.weights[i]!]))
  let sum = 0
  for (const [i, term] of query.terms.entries()) {
    sum += query.weights[i]! * (weights.get(term) ?? 0)
  }
  return sum === 0 || metric === 'dot' ? sum : sum / (lengthOf(query) * lengthOf(document))
}

function lengthOf({ weights }: SparseVector): number {
  return Math.sqrt(weights.reduce((sum, weight) => sum + weight ** 2, 0))
}

/** The keys of a namespace by their UTF-8. */
export function keysOf(state: ModelState, namespace: string, prefix: string): string[] {
  return state
    .filter(one => one.namespace === namespace && one.key.startsWith(prefix))
    .map(({ key }) => key)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Filters that the model knows: fields of one level, whose values are of one type each. */
export type ModelFilter = { readonly [name: string]: unknown }

/** Whether a document passes. */
function passes(filter: ModelFilter, metadata: Metadata): boolean {
  return Object.entries(filter).every(([name, value]) => {
    if (name === '$and') return (value as ModelFilter[]).every(part => passes(part, metadata))
    if (name === '$or') return (value as ModelFilter[]).some(part => passes(part, metadata))
    if (name === '$not') return !passes(value as ModelFilter, metadata)
    const field = metadata[name]
    const values = field === undefined ? [] : Array.isArray(field) ? field : [field]
    const isPlain = typeof value !== 'object' || value instanceof Date
    const conditions = Object.entries(isPlain ? { $eq: value } : (value as object))
    return conditions.every(([operator, operand]) => holds(values, operator, operand))
  })
}

type Holds = (value: Scalar, operand: Scalar) => boolean

const OPERATORS: Readonly<Record<string, Holds>> = {
  $eq: (value, operand) => value === operand,
  $gt: (value, operand) => value > operand,
  $gte: (value, operand) => value >= operand,
  $lt: (value, operand) => value < operand,
  $lte: (value, operand) => value <= operand,
  $startsWith: (value, operand) => String(value).startsWith(String(operand))
}

function holds(values: readonly MetadataValue[], operator: string, operand: unknown): boolean {
  const scalars = values.map(scalar)
  const isAmong = (list: readonly unknown[]): boolean =>
    list.some(one => scalars.includes(scalar(one)))
  switch (operator) {
    case '$exists':
      return scalars.length > 0 === operand
    case '$ne':
      return !isAmong([operand])
    case '$in':
      return isAmong(operand as unknown[])
    case '$nin':
      return !isAmong(operand as unknown[])
    default:
      return scalars.some(value => OPERATORS[operator]!(value, scalar(operand)))
  }
}

type Scalar = string | number | boolean

function scalar(value: unknown): Scalar {
  return value instanceof Date ? value.getTime() : (value as Scalar)
}
