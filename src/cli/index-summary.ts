import { duration } from './progress.ts'
import { counted, readableBytes, readableCount } from './readable.ts'

/** What `index` did, and what the collection holds then. */
export interface IndexSummary {
  /** Documents of the input. */
  readonly numRead: number
  /** Of these, written and passed over. */
  readonly numWritten: number
  readonly numUnchanged: number
  /** With `--prune`: documents that were not in the input. */
  readonly numDeleted: number
  /** Records that were skipped. */
  readonly numProblems: number
  /** Passages that the model read in part only. */
  readonly numTruncated: number
  /** Passages that the dense model read in part only; absent where there is none. */
  readonly numDenseTruncated?: number
  /** Of the collection, all namespaces together. */
  readonly numDocuments: number
  readonly numPassages: number
  /** Of documents that were replaced or deleted; a merge drops them. */
  readonly numDead: number
  readonly numPostings: number
  readonly bytes: number
  readonly numOtherFiles: number
  readonly maxTokens: number | undefined
  readonly maxDenseTokens: number | undefined
}

type Timed = IndexSummary & { readonly seconds: number }

/** For scripts. */
export function summaryJson(summary: Timed): object {
  const { numRead: _, numOtherFiles: _files, maxTokens: _max, ...rest } = summary
  const { maxDenseTokens: _maxDense, seconds, ...counts } = rest
  return { ...counts, seconds: +seconds.toFixed(2) }
}

/** For people: what was done, then what there is. */
export function summaryText(directory: string, summary: Timed): string {
  const { numWritten, numUnchanged, numDeleted, numTruncated, numProblems, seconds } = summary
  const { numDocuments, numPassages, numDead, numPostings, bytes } = summary
  const rate = numWritten > 0 ? ` (${readableCount(numWritten / seconds)}/s)` : ''
  const isSplit = numPassages > numDocuments
  const holds = [
    counted(numDocuments, 'document'),
    ...(isSplit ? [`in ${counted(numPassages, 'passage')}`] : [])
  ].join(' ')
  const terms =
    numPassages > 0
      ? `, ${(numPostings / (numPassages + numDead)).toFixed(1)} terms a ${isSplit ? 'passage' : 'document'}`
      : ''
  const lines = [
    `${counted(numWritten, 'document')} indexed in ${duration(seconds)}${rate}`,
    numUnchanged > 0 ? `${counted(numUnchanged, 'document')} unchanged` : undefined,
    numDeleted > 0 ? `${counted(numDeleted, 'document')} deleted: not in the input` : undefined,
    numTruncated > 0
      ? `${counted(numTruncated, 'text')} longer than ${summary.maxTokens} tokens, read in part (--passage-tokens splits them)`
      : undefined,
    ...denseTruncated(summary),
    numProblems > 0 ? `${counted(numProblems, 'record')} skipped` : undefined,
    `${directory} holds ${holds}${terms}, ${readableBytes(bytes)}`
  ]
  return `${lines.filter(line => line !== undefined).join('\n')}\n`
}

/** Where there is a dense model only, the line before has said it. */
function denseTruncated({
  numTruncated,
  numDenseTruncated = 0,
  maxTokens,
  maxDenseTokens
}: IndexSummary): string[] {
  const isSaid = numDenseTruncated === numTruncated && maxTokens === maxDenseTokens
  if (numDenseTruncated === 0 || isSaid) return []
  const texts = counted(numDenseTruncated, 'text')
  return [`${texts} longer than ${maxDenseTokens} tokens, read in part by the dense model`]
}
