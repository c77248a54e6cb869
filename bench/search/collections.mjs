import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runScript } from './child.mjs'
import { cachedFile, readCsr } from './csr.mjs'
import { writeNpz } from './npz.mjs'
import { tinyDocuments, tinyQueries } from './tiny.mjs'
import { cacheFolder, documentFile, hasQueries, queryFile, source } from './vectors.mjs'

/**
 * Documents and queries of a run as files, each with what is right for them and an index of ours.
 *
 * @typedef {object} Collection
 * @property {number} numDocuments
 * @property {string} documents the file of their vectors
 * @property {string} queries
 * @property {string} truth the best documents of each query
 * @property {{ path: string, buildS: number, numBytes: number, numPostings: number }} index
 */

/**
 * @param {import('./options.mjs').Options} options
 * @param {string} folder for what this run alone needs
 * @param {number} numDocuments
 * @param {(line: string) => void} say
 * @returns {Promise<Collection>}
 */
export async function prepareCollection(options, folder, numDocuments, say) {
  const { documents, queries } = options.tiny
    ? await tinyFiles(options, folder, numDocuments)
    : await realFiles(options, numDocuments)
  const truth = join(folder, `truth-${numDocuments}.csr`)
  say(`${numDocuments} documents: what is right for each query`)
  runScript('truth.mjs', documents, queries, String(options.k), truth)
  const index = prepareIndex(options, folder, { numDocuments, documents }, say)
  return { numDocuments, documents, queries, truth, index }
}

/** The name of the vectors. */
export function sourceOf({ tiny }) {
  return tiny ? 'made up' : source
}

/**
 * The same vectors as the peers read them.
 *
 * @param {Collection} collection
 * @param {string} folder
 * @returns {{ documents: string, queries: string }} files that scipy reads
 */
export function npzFiles({ documents, queries, numDocuments }, folder) {
  const matrices = [
    ['documents', readCsr(documents)],
    ['queries', readCsr(queries)]
  ]
  const highest = matrices.map(([, { terms }]) => terms.reduce((a, b) => Math.max(a, b), 0))
  const numColumns = 1 + Math.max(...highest)
  const files = matrices.map(([name, matrix]) => {
    const path = join(folder, `${name}-${numDocuments}.npz`)
    writeNpz(path, matrix, numColumns)
    return [name, path]
  })
  return Object.fromEntries(files)
}

async function realFiles({ queries }, numDocuments) {
  if (!hasQueries(queries)) {
    throw new Error(`--queries ${queries} needs MS MARCO beside the project; use short or long`)
  }
  return { documents: await documentFile(numDocuments), queries: await queryFile(queries) }
}

async function tinyFiles({ queries }, folder, numDocuments) {
  return {
    documents: await cachedFile(join(folder, `tiny-${numDocuments}.csr`), () =>
      tinyDocuments(numDocuments)
    ),
    queries: await cachedFile(join(folder, `tiny-${queries}.csr`), () => tinyQueries(queries))
  }
}

/** Building a large index takes minutes, so it is kept, with what it took. */
function prepareIndex(options, folder, { numDocuments, documents }, say) {
  const { precision, reorder, rebuild, tiny } = options
  const order = reorder ? 'reordered' : 'as-added'
  const name = `${sourceOf(options).replace(' ', '-')}-${numDocuments}-${precision}-${order}.esp`
  const path = join(tiny ? folder : cacheFolder, name)
  const isKept = existsSync(path) && existsSync(`${path}.json`)
  if (isKept && !rebuild) {
    say(`${name} is the one that was built before; --rebuild builds it anew`)
    return { path, ...JSON.parse(readFileSync(`${path}.json`, 'utf8')) }
  }
  say(`building ${name}`)
  mkdirSync(cacheFolder, { recursive: true })
  const [report] = runScript('build.mjs', { documents, path, precision, reorder })
  return { path, ...report }
}
