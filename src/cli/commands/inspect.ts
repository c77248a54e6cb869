import { Command } from 'commander'
import { type Collection, readTuning } from 'esplanade'
import { openToRead } from '../collection-options.ts'
import { collectionBytes } from '../folder-bytes.ts'
import { readableBytes, readableCount } from '../readable.ts'
import { shortestFloat32 } from '../vector-lines.ts'

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Say what a collection holds: counts, bytes, model.')
    .argument('<dir>', 'a collection')
    .option('--json', 'one JSON object')
    .option('--idf', 'instead: the weights of its inference-free queries, {"token": idf}')
    .action(inspect)
}

interface InspectFlags {
  readonly json?: boolean
  readonly idf?: boolean
}

async function inspect(directory: string, flags: InspectFlags): Promise<void> {
  await using collection = await openToRead(directory)
  if (flags.idf) {
    process.stdout.write(`${JSON.stringify(await idfOf(collection))}\n`)
    return
  }
  const found = await figuresOf(collection)
  if (flags.json) process.stdout.write(`${JSON.stringify(found)}\n`)
  else
    for (const [name, value] of rowsOf(found)) process.stdout.write(`${name.padEnd(22)}${value}\n`)
}

/** What the collection counts, by token, in the form of OpenSearch's `idf.json`. */
async function idfOf(collection: Collection): Promise<Record<string, number>> {
  const { vocabulary } = await collection.tokenizer()
  const idf = await collection.idf()
  const table: Record<string, number> = {}
  idf.forEach((weight, termId) => {
    if (!vocabulary.isSpecial(termId)) table[vocabulary.termOf(termId)] = shortestFloat32(weight)
  })
  return table
}

type Figures = Awaited<ReturnType<typeof figuresOf>>

async function figuresOf(collection: Collection) {
  const { numEntries, numDead, ...stats } = await collection.stats()
  const { store, segments, total } = await collectionBytes(collection.directory)
  const { metric, model, passageTokens, topTokens, minWeight, pruneMass } = collection.settings
  const lexical = await collection.lexicalStats()
  const dense = await collection.denseStats()
  const tuning = await readTuning(collection.directory).catch(() => undefined)
  return {
    numDocuments: stats.numDocuments,
    numPassages: numEntries - numDead,
    numDead,
    numPostings: stats.numPostings,
    numSegments: stats.numSegments,
    numInMemory: stats.numInMemory,
    namespaces: stats.namespaces,
    bytes: total,
    storeBytes: store,
    segmentBytes: segments,
    metric,
    model,
    passageTokens,
    topTokens,
    minWeight,
    pruneMass,
    lexical,
    dense,
    tuning
  }
}

function rowsOf(found: Figures): [string, string][] {
  const { numPassages, numDead, numPostings, numInMemory, model, tuning } = found
  const perPassage = numPostings / Math.max(1, numPassages + numDead)
  const namespaces = Object.entries(found.namespaces)
  const inMemory = numInMemory > 0 ? `, ${readableCount(numInMemory)} passages in none yet` : ''
  return [
    ['documents', readableCount(found.numDocuments)],
    // The namespace of those who named none goes without saying, unless there are others.
    ...(namespaces.some(([name]) => name !== '')
      ? namespaces.map(([name, count]): [string, string] => [
          `  ${name === '' ? '(no namespace)' : name}`,
          readableCount(count)
        ])
      : []),
    ['passages', readableCount(numPassages)],
    ...(numDead > 0 ? [['  replaced or deleted', readableCount(numDead)] as [string, string]] : []),
    ['postings', `${readableCount(numPostings)}, ${perPassage.toFixed(1)} a passage`],
    ['segments', `${readableCount(found.numSegments)}${inMemory}`],
    ['metric', found.metric],
    ['model', model ? `${model.name} (${model.pooling} pooling, ${model.precision})` : 'none'],
    ['tokens read', model ? `${model.maxTokens} of a text at most` : '-'],
    ...(found.passageTokens
      ? [['passage tokens', `${found.passageTokens} at most`] as [string, string]]
      : []),
    ...pruningRows(found),
    ...lexicalRows(found),
    ...denseRows(found),
    ...(tuning
      ? [['tuned', `overlap@${tuning.k} ${tuning.measuredOverlap.toFixed(3)}`] as [string, string]]
      : []),
    ['size', readableBytes(found.bytes)],
    ['  documents', readableBytes(found.storeBytes)],
    ['  segments', readableBytes(found.segmentBytes)]
  ]
}

/** What the words are, and their part of all postings, which take about as many bytes each. */
function lexicalRows({ lexical, numPostings, segmentBytes }: Figures): [string, string][] {
  if (lexical === undefined) return []
  const { settings, numPostings: numLexical, averageLength } = lexical
  const { analyzer, variant, k1, b, delta, beta } = settings
  const parameters = [
    `k1 ${k1}`,
    `b ${b}`,
    ...(delta === undefined ? [] : [`delta ${delta}`]),
    `beta ${beta}`
  ]
  const share = numLexical / Math.max(1, numPostings)
  return [
    ['lexical', `BM25 (${variant}, ${analyzer}, ${parameters.join(', ')})`],
    [
      '  postings',
      `${readableCount(numLexical)}, ${(100 * share).toFixed(1)} % of all, about ${readableBytes(share * segmentBytes)}`
    ],
    ['  average length', `${averageLength.toFixed(1)} words`]
  ]
}

/** What the dense vectors are, and what they take. */
function denseRows({ dense }: Figures): [string, string][] {
  if (dense === undefined) return []
  const { settings, numVectors, bytes, graphs } = dense
  const { dimensions, metric, model, index } = settings
  const inGraphs = graphs
    ? `HNSW of ${readableCount(graphs.numVectors)}, ${readableBytes(graphs.bytes)}, overlap@10 ${graphs.overlap.toFixed(3)}`
    : 'HNSW of none yet: all are scanned'
  return [
    ['dense', `${readableCount(dimensions)} dimensions, ${metric}`],
    ['  model', model ? `${model.name}, ${model.maxTokens} tokens of a text at most` : 'none'],
    ['  vectors', `${readableCount(numVectors)}, ${readableBytes(bytes)} on disk and in memory`],
    ...(index === 'hnsw' ? ([['  graphs', inGraphs]] as [string, string][]) : [])
  ]
}

function pruningRows({ topTokens, minWeight, pruneMass }: Figures): [string, string][] {
  const limits = [
    topTokens !== undefined ? `${topTokens} terms at most` : '',
    minWeight !== undefined ? `weights from ${minWeight}` : '',
    pruneMass !== undefined ? `${readableCount(100 * pruneMass)} % of the mass` : ''
  ].filter(limit => limit !== '')
  return limits.length === 0 ? [] : [['kept of a vector', limits.join(', ')]]
}
