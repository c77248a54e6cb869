import { readFileSync } from 'node:fs'
import { SparseEncoder } from 'esplanade/encoder'

/**
 * How far a weight may be from the reference. A term that one of the two lacks counts with its
 * weight.
 */
const TOLERANCES = { float32: 1e-4, mixed: 1e-4, int8: 0.15 }

/**
 * Compares vectors with those of the reference implementation. A fast wrong answer has no speed.
 *
 * @param {keyof typeof TOLERANCES} precision
 * @returns {Promise<{ numTexts: number, maxDifference: number }>}
 */
export async function checkAgreement(precision) {
  const golden = new URL('../../test/golden/splade-tiny.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(golden, 'utf8'))
  const encoder = await SparseEncoder.load('splade-tiny', { precision })
  const vectors = await encoder.encodeDocument(cases.map(({ text }) => text))
  await encoder.close()
  let maxDifference = 0
  cases.forEach(({ text, terms, max }, i) => {
    const difference = worstDifference(vectors[i], terms, max)
    if (!(difference <= TOLERANCES[precision])) {
      const what = `the ${precision} vector of ${JSON.stringify(text)}`
      throw new Error(`${what} is not the reference's: ${difference}`)
    }
    maxDifference = Math.max(maxDifference, difference)
  })
  return { numTexts: cases.length, maxDifference }
}

/**
 * @param {import('esplanade').SparseVector} vector
 * @param {number[]} terms
 * @param {number[]} weights
 */
function worstDifference(vector, terms, weights) {
  const expected = new Map(terms.map((term, i) => [term, weights[i]]))
  let worst = 0
  vector.terms.forEach((term, i) => {
    worst = Math.max(worst, Math.abs(vector.weights[i] - (expected.get(term) ?? 0)))
    expected.delete(term)
  })
  return Math.max(worst, ...expected.values())
}
