import type { Int8Decoder } from './int8-decoder.ts'

/**
 * A term passes the screen when its rounded logit is no more than so many standard deviations of the
 * rounding error below zero.
 *
 * The product of a state h and a row w, both rounded, is off by the sum of `h_i e_i + w_i d_i`, where
 * e and d are what rounding added: even over a step, so each of a variance of step² / 12. The
 * deviation is `√((|h|² rowStep² + |w|² stateStep²) / 12)`. The margin is taken of the bound
 * `(|h| rowStep + |w| stateStep) / √12`, which is up to 1.4 times that, so it is 4 to 5.7 deviations.
 * docs/encoding-speed.md has what other margins let through, and what they lose.
 */
const MARGIN_DEVIATIONS = 4

/** Stands for a threshold that is always passed, or never, without the rules of infinity. */
const OUT_OF_REACH = 1e30

/**
 * The largest product of a term's row with the states of a text, in whole numbers, passes above
 *
 *     zeros / stateStep - margins - marginPerNorm · |h| / stateStep
 */
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
    // A row of zeros has the logit that its bias is.
    zeros: steps.map((step, term) =>
      step > 0 ? -bias[term]! / step : bias[term]! > 0 ? -OUT_OF_REACH : OUT_OF_REACH
    ),
    margins: steps.map((step, term) => (step > 0 ? (perDeviation * norms[term]!) / step : 0)),
    marginPerNorm: perDeviation
  }
}

/**
 * The terms of each text that pass, ascending.
 *
 * @param passes - 1 where a term passes, else 0; `[texts, vocabulary]`, at an address that is a
 * multiple of four
 */
export function candidatesOf(passes: Uint8Array, numTexts: number): number[][] {
  const numTerms = passes.length / numTexts
  const candidates = Array.from({ length: numTexts }, (): number[] => [])
  // One in two hundred passes, so four are looked at at once.
  const words = new Uint32Array(passes.buffer, passes.byteOffset, passes.length >> 2)
  const keep = (at: number): void => {
    if (passes[at] === 0) return
    const row = Math.floor(at / numTerms)
    candidates[row]!.push(at - row * numTerms)
  }
  for (let word = 0; word < words.length; word++) {
    if (words[word] === 0) continue
    for (let at = 4 * word; at < 4 * word + 4; at++) keep(at)
  }
  for (let at = 4 * words.length; at < passes.length; at++) keep(at)
  return candidates
}
