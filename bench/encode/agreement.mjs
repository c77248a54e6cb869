import { readFileSync } from 'node:fs'
import { SparseEncoder } from 'esplanade/encoder'

const TOLERANCE = 1e-4

/**
 * Compares vectors with those of the reference implementation: the same terms, every weight within
 * 1e-4. A fast wrong answer has no speed.
 *
 * @returns {Promise<{ numTexts: number, maxDifference: number }>}
 */
export async function checkAgreement() {
  const golden = new URL('../../test/golden/splade-tiny.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(golden, 'utf8'))
  const encoder = await SparseEncoder.load('splade-tiny')
  const vectors = await encoder.encodeDocument(cases.map(({ text }) => text))
  await encoder.close()
  let maxDifference = 0
  cases.forEach(({ text, terms, max }, i) => {
    const vector = vectors[i]
    const isSame =
      vector.terms.length === terms.length && vector.terms.every((term, j) => term === terms[j])
    const differences = max.map((weight, j) => Math.abs(weight - vector.weights[j]))
    const difference = isSame ? Math.max(0, ...differences) : Number.POSITIVE_INFINITY
    if (!(difference <= TOLERANCE)) {
      throw new Error(`the vector of ${JSON.stringify(text)} is not the reference's: ${difference}`)
    }
    maxDifference = Math.max(maxDifference, difference)
  })
  return { numTexts: cases.length, maxDifference }
}
