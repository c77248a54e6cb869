import type { Command } from 'commander'
import { type CollectionSearchOptions, EsplanadeError } from 'esplanade'
import { loadReranker, type StageTime } from 'esplanade/rerank'
import { showDownload } from './download-progress.ts'
import { count } from './options.ts'

/** Options of commands that can have a second stage. */
export interface RerankFlags {
  readonly rerank?: string
  readonly depth?: number
}

/** `--rerank` and `--depth`. */
export function addRerankOptions(command: Command): Command {
  return command
    .option(
      '--rerank <model>',
      'a second stage orders the best hits: a cross-encoder, a ColBERT, a dense model; maxsim:MODEL for the tokens of a dense one; dense for the dense vectors of the collection'
    )
    .option(
      '--depth <n>',
      'hits that --rerank orders (default: 100, or --k if that is more)',
      count(1)
    )
}

/** Hits that are reranked unless more are wanted. */
export const DEFAULT_DEPTH = 100

/** What stands before a model to say which kind of reranker it is. */
const KIND = /^(cross-encoder|maxsim|dense):(.+)$/s

/** The second stage of a command; closed, it frees its model. */
export interface SecondStage extends AsyncDisposable {
  /** For a search of a collection; nothing without `--rerank`. */
  readonly options: Pick<CollectionSearchOptions, 'rerank' | 'depth'>
}

/**
 * Loads the model of `--rerank`.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for `--depth` without it; what loading throws
 */
export async function openSecondStage({ rerank, depth }: RerankFlags): Promise<SecondStage> {
  if (rerank === undefined) {
    if (depth === undefined) return { options: {}, [Symbol.asyncDispose]: nothing }
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--depth',
      problem: 'given without --rerank, and nothing is reranked',
      remedy: 'Name a model that reranks: --rerank MODEL'
    })
  }
  const common = depth === undefined ? {} : { depth }
  if (rerank === 'dense') return { options: { rerank, ...common }, [Symbol.asyncDispose]: nothing }
  const [, kind, named] = KIND.exec(rerank) ?? []
  const reranker = await loadReranker(named ?? rerank, {
    onDownload: showDownload,
    ...(kind !== undefined && { kind: kind as 'dense' })
  })
  return {
    options: { rerank: reranker, ...common },
    [Symbol.asyncDispose]: () => reranker.close()
  }
}

async function nothing(): Promise<void> {}

/** Stages with their times, on one line. */
export function stagesLine(stages: readonly StageTime[]): string {
  return stages.map(textOf).join(', ')
}

function textOf({ stage, ms, parts = [] }: StageTime): string {
  const own = `${stage} ${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`
  return parts.length === 0 ? own : `${own} (${stagesLine(parts)})`
}
