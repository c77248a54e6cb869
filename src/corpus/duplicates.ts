import { EsplanadeError } from '../errors.ts'
import type { CorpusRecord } from './document.ts'

/**
 * Turns a document whose key was seen before into a problem (`DUPLICATE_KEY`) that names both
 * places; the first one stays. Holds every key with its place, about 150 bytes a document.
 */
export async function* rejectDuplicates(
  records: AsyncIterable<CorpusRecord> | Iterable<CorpusRecord>
): AsyncGenerator<CorpusRecord> {
  const placeOf = new Map<string, string>()
  for await (const record of records) {
    if (record.kind === 'problem') {
      yield record
      continue
    }
    const { key } = record.document
    const first = placeOf.get(key)
    if (first === undefined) {
      placeOf.set(key, record.place)
      yield record
    } else {
      yield { kind: 'problem', error: duplicateKey(key, record.place, first) }
    }
  }
}

function duplicateKey(key: string, place: string, first: string): EsplanadeError {
  return new EsplanadeError('DUPLICATE_KEY', {
    place,
    problem: `the key ${JSON.stringify(key)} was already given at ${first}`,
    expected: 'a key once',
    remedy: 'Give each document a key of its own, or name another field with --key'
  })
}
