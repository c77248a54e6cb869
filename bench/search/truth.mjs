/**
 * What is right, found without the library: `truth.mjs DOCUMENTS QUERIES K FILE` scores every
 * document for every query and writes the best K of each as a matrix: documents in order of rank,
 * with their scores.
 *
 * A score is the sum, in float64 by ascending term, of the products of the float32 weights; of equal
 * scores the document with the lower number goes first; one that shares no term with the query is
 * not found.
 */
import { CsrBuilder, readCsr, rowOf, writeCsr } from './csr.mjs'
import { done } from './done.mjs'

const [documentsPath, queriesPath, depth, path] = process.argv.slice(2)
writeCsr(path, truthOf(readCsr(documentsPath), readCsr(queriesPath), Number(depth)))
done()

/**
 * @param {import('./csr.mjs').Csr} documents
 * @param {import('./csr.mjs').Csr} queries
 * @param {number} k
 * @returns {import('./csr.mjs').Csr}
 */
function truthOf(documents, queries, k) {
  const numDocuments = documents.offsets.length - 1
  const { starts, docIds, weights } = inverted(documents)
  const scores = new Float64Array(numDocuments)
  const built = new CsrBuilder()
  for (let row = 0; row < queries.offsets.length - 1; row++) {
    const query = rowOf(queries, row)
    scores.fill(0)
    for (let i = 0; i < query.terms.length; i++) {
      const [term, weight] = [query.terms[i], query.weights[i]]
      if (term + 1 >= starts.length) continue
      for (let at = starts[term]; at < starts[term + 1]; at++) {
        scores[docIds[at]] += weight * weights[at]
      }
    }
    const best = bestOf(scores, k)
    built.add(
      best,
      best.map(docId => scores[docId])
    )
  }
  return built.finish()
}

/** The columns of the matrix: who has a term, ascending, and how much of it. */
function inverted({ offsets, terms, weights: rowWeights }) {
  const numTerms = terms.reduce((max, term) => Math.max(max, term + 1), 0)
  const starts = new Uint32Array(numTerms + 1)
  for (const term of terms) starts[term + 1]++
  for (let term = 0; term < numTerms; term++) starts[term + 1] += starts[term]
  const ends = starts.slice()
  const docIds = new Uint32Array(terms.length)
  const weights = new Float32Array(terms.length)
  for (let docId = 0; docId < offsets.length - 1; docId++) {
    for (let at = offsets[docId]; at < offsets[docId + 1]; at++) {
      const to = ends[terms[at]]++
      docIds[to] = docId
      weights[to] = rowWeights[at]
    }
  }
  return { starts, docIds, weights }
}

/** Documents that score above 0: keeps a few times k, sorts them whenever there are too many. */
function bestOf(scores, k) {
  const order = (a, b) => scores[b] - scores[a] || a - b
  let kept = []
  let threshold = 0
  for (let docId = 0; docId < scores.length; docId++) {
    // One that only equals the k-th came later, so it cannot enter.
    if (scores[docId] <= threshold) continue
    kept.push(docId)
    if (kept.length < 4 * k + 100) continue
    kept = kept.sort(order).slice(0, k)
    threshold = scores[kept.at(-1)]
  }
  return kept.sort(order).slice(0, k)
}
