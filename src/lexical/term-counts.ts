/** How often each word stands in a text. */
export interface TermCounts {
  readonly counts: ReadonlyMap<string, number>
  /** Words of the text, those that were left out not counted. */
  readonly length: number
}

export function countTerms(words: readonly string[]): TermCounts {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return { counts, length: words.length }
}
