/**
 * English words that nearly every text has: Lucene's list, which bm25s uses too. Small on purpose; a
 * longer list takes words away that queries are about.
 */
export const ENGLISH_STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be but by for if in into is it no not of on or such that the their then ' +
    'there these they this to was will with'
  ).split(' ')
)
