import { InvalidArgumentError } from 'commander'

/** One of several parts of a corpus that processes or machines encode side by side. */
export interface Shard {
  /** From 0. */
  readonly index: number
  readonly numShards: number
}

/** Parses `i/n`, `i` from 1 to `n`. */
export function parseShard(value: string): Shard {
  const [, i, n] = /^(\d{1,6})\/(\d{1,6})$/.exec(value) ?? []
  const [number, numShards] = [Number(i), Number(n)]
  if (number >= 1 && number <= numShards) return { index: number - 1, numShards }
  throw new InvalidArgumentError('Expected i/n with i from 1 to n, such as 2/4.')
}

/**
 * The records of a shard: of n shards the i-th has those whose position in the corpus, bad records
 * counted, is i − 1 modulo n. So every record, good or bad, belongs to one shard.
 */
export async function* recordsOfShard<T>(
  records: AsyncIterable<T>,
  { index, numShards }: Shard
): AsyncGenerator<T> {
  let position = 0
  for await (const record of records) {
    if (position++ % numShards === index) yield record
  }
}
