import { Command } from 'commander'
import { openIndex } from 'esplanade'
import { readableBytes } from '../readable.ts'

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Say what an index holds: counts, bytes, model.')
    .argument('<dir>', 'an index')
    .option('--json', 'one JSON object')
    .action(inspect)
}

async function inspect(directory: string, flags: { readonly json?: boolean }): Promise<void> {
  await using index = await openIndex(directory)
  const { manifest } = index
  const { numDocuments, numPassages, numPostings, numTruncated, metric, model, fileBytes } =
    manifest
  const bytes = Object.values(fileBytes).reduce((sum, one) => sum + one, 0)
  const numTerms = index.index.numTerms
  if (flags.json) {
    const counts = { numDocuments, numPassages, numPostings, numTerms, numTruncated }
    process.stdout.write(`${JSON.stringify({ ...counts, bytes, fileBytes, metric, model })}\n`)
    return
  }
  const n = (value: number) => value.toLocaleString('en')
  const rows: [string, string][] = [
    ['documents', n(numDocuments)],
    ['passages', n(numPassages)],
    ['terms in use', n(numTerms)],
    [
      'postings',
      `${n(numPostings)}, ${(numPostings / Math.max(1, numPassages)).toFixed(1)} a passage`
    ],
    ['read in part', `${n(numTruncated)} texts`],
    ['metric', metric],
    ['model', model ? `${model.name} (${model.pooling} pooling, ${model.precision})` : 'none'],
    ['tokens read', model ? `${model.maxTokens} of a text at most` : '-'],
    ['size', readableBytes(bytes)],
    ...Object.entries(fileBytes).map(([file, size]): [string, string] => [
      `  ${file}`,
      readableBytes(size)
    ])
  ]
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(22)}${value}\n`)
}
