/**
 * What several rounds gave.
 * @param {number[]} figures
 * @returns {{ min: number, median: number, max: number }}
 */
export function spreadOf(figures) {
  return { min: Math.min(...figures), median: quantile(figures, 0.5), max: Math.max(...figures) }
}

/**
 * The figure that a part of all figures does not exceed (nearest rank).
 * @param {number[]} figures
 * @param {number} part from 0 to 1
 */
export function quantile(figures, part) {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]
}
