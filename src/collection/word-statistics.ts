import type { WordCounts, WordTerms } from '../lexical/word-terms.ts'
import type { StoredVectors, WordStatistics } from './store.ts'

/** Vectors of a model, and what they are to be joined with. */
export interface VectorsAndWords {
  readonly vectors: StoredVectors
  /** One a passage; absent where words are no terms. */
  readonly words?: readonly WordCounts[]
}

/**
 * The statistics with a batch counted in; those that were given where it has no words. An entry
 * without words (a vector that came without a text) says nothing of how long texts are.
 */
export function statisticsAfter(
  before: WordStatistics,
  batch: readonly Pick<VectorsAndWords, 'words'>[]
): WordStatistics {
  let { numEntries, numWords } = before
  for (const { words = [] } of batch) {
    for (const entry of words) {
      if (entry.numWords === 0) continue
      numEntries++
      numWords += entry.numWords
    }
  }
  return numEntries === before.numEntries ? before : { numEntries, numWords }
}

/** What all of several statistics count. */
export function sumOf(all: readonly WordStatistics[]): WordStatistics {
  let numEntries = 0
  let numWords = 0
  for (const one of all) {
    numEntries += one.numEntries
    numWords += one.numWords
  }
  return { numEntries, numWords }
}

/** The words of an entry on average; 0 where there are none. */
export function averageLength({ numEntries, numWords }: WordStatistics): number {
  return numWords / Math.max(1, numEntries)
}

/** The vectors with their words as further terms. */
export function withWords(
  { vectors, words }: VectorsAndWords,
  terms: WordTerms,
  statistics: WordStatistics
): StoredVectors {
  if (words === undefined) return vectors
  const average = averageLength(statistics)
  const passages = vectors.passages.map((vector, i) =>
    terms.joined(vector, terms.documentVector(words[i]!, average))
  )
  return { ...vectors, passages }
}
