/** Values of pairs of texts, to be drawn as a table of shaded cells. */
export interface Heatmap {
  readonly title: string
  /** The texts, in the order of rows and columns. */
  readonly texts: readonly string[]
  /** `matrix[row][column]`, from 0 up. */
  readonly matrix: readonly (readonly number[])[]
  /** The value of the darkest cell; the lightest is 0. */
  readonly max: number
}

/** Digits after the point that a value is shown with: cosines need three, dot products two. */
export function formatValue(value: number, max: number): string {
  return value.toFixed(max <= 1 ? 3 : 2)
}

/** Where a value lies between 0 and the largest, from 0 to 1. */
export function shadeOf(value: number, max: number): number {
  return max > 0 ? Math.min(1, Math.max(0, value / max)) : 0
}
