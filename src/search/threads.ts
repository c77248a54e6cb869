import { EsplanadeError } from '../errors.ts'
import type { Segment } from '../segment/segment.ts'
import type { IndexRanking, IndexSelection } from './index-searcher.ts'
import type { LookedUpQuery } from './query-terms.ts'

/** Threads that search one index. */
export interface SearchThreads {
  readonly numThreads: number
  /** The rankings in the order of the queries. @throws EsplanadeError `ABORTED` */
  search(
    queries: readonly LookedUpQuery[],
    selection: IndexSelection,
    signal: AbortSignal | undefined,
    onProgress: ((numDone: number) => void) | undefined
  ): Promise<IndexRanking[]>
  /** Ends the threads; calls that are under way are rejected. */
  close(): Promise<void>
  /** Ends the threads once all calls have been answered. */
  retire(): Promise<void>
}

/** Starts threads that share the memory of the segments. */
export type StartThreads = (segments: readonly Segment[], numThreads: number) => SearchThreads

let start: StartThreads | undefined

/** The platform's threads, handed in by an entry point. */
export function provideThreads(starter: StartThreads): void {
  start = starter
}

/** @throws EsplanadeError `INVALID_ARGUMENT` where no threads are to be had */
export function startThreads(segments: readonly Segment[], numThreads: number): SearchThreads {
  if (start !== undefined) return start(segments, numThreads)
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'threads',
    problem: `given ${numThreads}, and this platform has no worker threads`,
    expected: '1',
    remedy: 'Leave threads out'
  })
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkedThreads(threads = 1): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'threads',
    problem: `given ${threads}`,
    expected: 'a whole number from 1 to 1024'
  })
}
