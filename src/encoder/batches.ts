/**
 * Puts texts into batches by length, so that little of a batch is padding.
 *
 * @param lengths - tokens of each text
 * @param maxBatchTokens - a batch's texts times its longest text stay within this, unless one text
 *   alone is longer
 * @returns the positions of the texts in `lengths`, batch by batch, short texts first
 */
export function planBatches(lengths: readonly number[], maxBatchTokens: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  const batches: number[][] = []
  let batch: number[] = []
  for (const index of order) {
    // The order ascends, so the text at hand is the longest of its batch.
    if (batch.length > 0 && (batch.length + 1) * lengths[index]! > maxBatchTokens) {
      batches.push(batch)
      batch = []
    }
    batch.push(index)
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}
