import { Command } from 'commander'
import { type Collection, readTuning } from 'esplanade'
import { openToRead } from '../collection-options.ts'
import { collectionBytes } from '../folder-bytes.ts'
import { readableBytes, readableCount } from '../readable.ts'

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Say what a collection holds: counts, bytes, model.')
    .argument('<dir>', 'a collection')
    .option('--json', 'one JSON object')
    .action(inspect)
}

async function inspect(directory: string, flags: { readonly json?: boolean }): Promise<void> {
  await using collection = await openToRead(directory)
  const found = await figuresOf(collection)
  if (flags.json) process.stdout.write(`${JSON.stringify(found)}\n`)
  else
    for (const [name, value] of rowsOf(found)) process.stdout.write(`${name.padEnd(22)}${value}\n`)
}

type Figures = Awaited<ReturnType<typeof figuresOf>>

async function figuresOf(collection: Collection) {
  const { numEntries, numDead, ...stats } = await collection.stats()
  const { store, segments, total } = await collectionBytes(collection.directory)
  const { metric, model, passageTokens, topTokens, minWeight } = collection.settings
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
    ...(tuning
      ? [['tuned', `overlap@${tuning.k} ${tuning.measuredOverlap.toFixed(3)}`] as [string, string]]
      : []),
    ['size', readableBytes(found.bytes)],
    ['  documents', readableBytes(found.storeBytes)],
    ['  segments', readableBytes(found.segmentBytes)]
  ]
}
