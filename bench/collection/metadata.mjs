/** Metadata of a document, about 200 bytes of JSON; `percentile` is what filters ask for. */
export function metadataOf(row) {
  // A multiplicative hash (Knuth), so that what a filter keeps is spread over the collection.
  const percentile = Math.imul(row, 2654435761) >>> 0
  return {
    percentile: percentile % 100,
    source: `bench-${row % 17}`,
    year: 1990 + (row % 35),
    isOpen: row % 3 === 0,
    note: 'a sentence that stands for what people keep beside a text, some hundred bytes or so'
  }
}
