/** What the tables of an explanation have in common. */

export const INDENT = '     '
const BAR_WIDTH = 12

/** A share as a bar; what is taken away, or is no number, has none. */
export function barOf(share: number): string {
  const part = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0
  return '█'.repeat(Math.round(part * BAR_WIDTH))
}

export function percent(share: number): string {
  return `${Number.isFinite(share) ? (share * 100).toFixed(1).padStart(6) : '     –'} %`
}
