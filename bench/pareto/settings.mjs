/**
 * What is compared: the shipped model as it comes, and one thing changed at a time. Limits of pruning
 * are round numbers over their range, as in docs/pruning.md, weights of fusion those that the library
 * has by default; nothing is chosen by its results.
 *
 * @typedef {object} Setting
 * @property {string} group what was changed
 * @property {string} name
 * @property {{ list: 'sparse' | 'bm25' | 'combined' | 'dense', weight?: number }[]} lists searched; several are fused
 * @property {'convex' | 'rrf'} [fusion]
 * @property {import('esplanade').Pruning} [pruning] of documents
 * @property {'full' | 'no-expansion' | 'inference-free'} [queryMode]
 * @property {'float32' | 'mixed' | 'int8'} [encoding] what the model computes in
 * @property {'float32' | 'float16'} [weights] what the index holds
 */

const only = list => [{ list }]
const sparse = only('sparse')

/** @type {readonly Setting[]} */
export const SETTINGS = [
  { group: 'one list', name: 'sparse', lists: sparse },
  { group: 'one list', name: 'BM25', lists: only('bm25') },
  { group: 'one list', name: 'sparse + BM25, one vector', lists: only('combined') },
  { group: 'one list', name: 'dense', lists: only('dense') },
  ...[128, 64, 32].map(topTokens => pruned(`topTokens ${topTokens}`, { topTokens })),
  ...[0.9, 0.8, 0.5].map(pruneMass => pruned(`pruneMass ${pruneMass}`, { pruneMass })),
  ...[0.25, 0.5].map(minWeight => pruned(`minWeight ${minWeight}`, { minWeight })),
  ...['no-expansion', 'inference-free'].map(queryMode => ({
    group: 'query mode',
    name: queryMode,
    lists: sparse,
    queryMode
  })),
  {
    group: 'query mode',
    name: 'one vector, inference-free',
    lists: only('combined'),
    queryMode: 'inference-free'
  },
  { group: 'precision', name: 'index float16', lists: sparse, weights: 'float16' },
  { group: 'precision', name: 'model mixed', lists: sparse, encoding: 'mixed' },
  { group: 'precision', name: 'model int8', lists: sparse, encoding: 'int8' },
  fused('convex', 'sparse + BM25, halves', { sparse: 0.5, bm25: 0.5 }),
  fused('convex', 'sparse + dense, halves', { sparse: 0.5, dense: 0.5 }),
  fused('convex', 'three lists, .25 .5 .25', { sparse: 0.25, dense: 0.5, bm25: 0.25 }),
  fused('rrf', 'sparse + dense', { sparse: 1, dense: 1 }),
  fused('rrf', 'three lists', { sparse: 1, dense: 1, bm25: 1 })
]

function pruned(name, pruning) {
  return { group: 'pruning', name, lists: sparse, pruning }
}

function fused(fusion, what, weights) {
  const lists = Object.entries(weights).map(([list, weight]) => ({ list, weight }))
  return { group: 'fusion', name: `${fusion === 'rrf' ? 'RRF' : fusion}, ${what}`, lists, fusion }
}
