import type { Int8Decoder } from './int8-decoder.ts'
import type { ScreenedText } from './screen.ts'

/**
 * A term passes the screen when its rounded logit is no more than so many standard deviations of the
 * rounding error below zero.
 *
 * The product of a state h and a row w, both rounded, is off by the sum of `h_i e_i + w_i d_i`, where
 * e and d are what rounding added: even over a step, so each of a variance of step² / 12. The
 * deviation is `√((|h|² rowStep² + |w|² stateStep²) / 12)`. The margin is taken of the bound
 * `(|h| rowStep + |w| stateStep) / √12`, which is up to 1.4 times that, so it is 4 to 5.7 deviations.
 * `test/encoder/precision.test.ts` and docs/encoding-speed.md say what gets lost: nothing that was
 * ever seen.
 */
const MARGIN_DEVIATIONS = 4

/** What the product of a term must exceed, made ready for a loop over all terms. */
export interface Thresholds {
  /** Where the logit is zero, times the step of the states, `[vocabulary]`. */
  readonly zeros: Float32Array
  /** The margin for the rounding of states, `[vocabulary]`. */
  readonly margins: Float32Array
  /** The margin for the rounding of rows, per length of a state in steps. */
  readonly marginPerNorm: number
}

export function thresholdsOf({ steps, norms, bias }: Int8Decoder): Thresholds {
  const perDeviation = MARGIN_DEVIATIONS / Math.sqrt(12)
  return {
    // A row of zeros has the logit that its bias is: always above zero, or never.
    zeros: steps.map((step, term) =>
      step > 0 ? -bias[term]! / step : bias[term]! > 0 ? -Infinity : Infinity
    ),
    margins: steps.map((step, term) => (step > 0 ? (perDeviation * norms[term]!) / step : 0)),
    marginPerNorm: perDeviation
  }
}

/** The terms that may have a logit above zero, ascending. */
export function candidatesOf(
  { largest, step, norm }: ScreenedText,
  { zeros, margins, marginPerNorm }: Thresholds
): number[] {
  const terms: number[] = []
  const perStep = 1 / step
  const margin = marginPerNorm * norm * perStep
  for (let termId = 0; termId < largest.length; termId++) {
    if (largest[termId]! + margin + margins[termId]! > zeros[termId]! * perStep) terms.push(termId)
  }
  return terms
}
