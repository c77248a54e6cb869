/**
 * A weight as an integer impact: `round(255 · weight / maxWeight)`, 1 to 255, where `maxWeight` is the
 * largest weight of the term. The impact stands for `impact · maxWeight / 255`; how far that lies
 * from the weight is measured for each term, so that bounds are safe however the weights are spread.
 */
export const MAX_IMPACT = 255

/** @param weight - above 0, at most `maxWeight` */
export function impactOf(weight: number, maxWeight: number): number {
  // In this order neither the largest nor the smallest weights leave the range of numbers.
  return Math.max(1, Math.round((weight / maxWeight) * MAX_IMPACT))
}

/** What an impact stands for. */
export function weightOf(impact: number, maxWeight: number): number {
  return (impact / MAX_IMPACT) * maxWeight
}
