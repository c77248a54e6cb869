import { beforeEach, describe, expect, it } from 'vitest'
import { Delta } from '../../src/collection/delta.ts'
import type { Removal, WriteBatch } from '../../src/collection/store.ts'
import { type Commit, type WriteRequest, Writer } from '../../src/collection/writer.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { MemoryStore } from './memory-store.ts'
import { vectorOf } from './written-documents.ts'

let store: MemoryStore
let delta: Delta
let writer: Writer
let commits: Commit[]
/** What the store was given. */
let batches: WriteBatch[]

beforeEach(() => {
  store = new MemoryStore()
  delta = new Delta()
  commits = []
  batches = []
  const write = store.write.bind(store)
  store.write = batch => {
    batches.push(batch)
    return write(batch)
  }
  const host = {
    store,
    seqOf,
    delta: () => delta,
    publish: (commit: Commit) => commits.push(commit),
    pause: () => new Promise<void>(resolve => setImmediate(resolve))
  }
  writer = new Writer(host, 0)
})

function seqOf(namespace: string, key: string): number | undefined {
  const snapshot = store.snapshot()
  const seq = snapshot.seqOf(namespace, key)
  snapshot.close()
  return seq
}

function put(...keys: string[]): WriteRequest {
  const documents = keys.map((key, i) => ({
    document: { namespace: '', key, text: '', metadata: {} },
    vectors: { passages: [vectorOf(i)] }
  }))
  return { kind: 'put', documents }
}

const remove = (...keys: string[]): WriteRequest => ({ kind: 'remove', namespace: '', keys })

function stored(): string[] {
  const snapshot = store.snapshot()
  const { lastSeq } = snapshot.state
  const keys = [...snapshot.seqs(1, lastSeq)].map(seq => `${seq}:${snapshot.document(seq)!.key}`)
  snapshot.close()
  return keys
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    error => (error instanceof EsplanadeError ? error.code : error)
  )

const full = () => new EsplanadeError('FILE_UNWRITABLE', { problem: 'no room' })

describe('group commit', () => {
  it('writes the requests of one turn in one batch, and counts each', async () => {
    await writer.write(put('old', 'gone'))
    const counts = await Promise.all([
      writer.write(put('a', 'b')),
      writer.write(put('old')),
      writer.write(remove('gone', 'never')),
      writer.write({ kind: 'forget', tombstones: [], generation: 1 })
    ])
    expect(counts).toEqual([2, 1, 1, 0])
    expect(batches).toHaveLength(2)
    expect(stored()).toEqual(['3:a', '4:b', '5:old'])
    expect(commits[1]!.removed.map(({ seq }) => seq)).toEqual([1, 2])
    expect(delta.numDocuments).toBe(5)
  })

  it('writes what comes during a write in the next batch', async () => {
    const first = writer.write(put('a'))
    await Promise.resolve()
    await Promise.resolve()
    const others = ['b', 'c', 'd'].map(key => writer.write(put(key)))
    await Promise.all([first, ...others])
    expect(batches.map(({ added }) => added.length)).toEqual([1, 3])
  })

  it('keeps the order of requests for one key', async () => {
    const requests = [put('a'), put('a', 'b'), remove('a'), put('c'), put('a'), remove('c')]
    await Promise.all(requests.map(request => writer.write(request)))
    expect(stored()).toEqual(['3:b', '5:a'])
    expect(batches).toHaveLength(4)
  })

  it('takes at most 1,000 documents into a batch, unless one request alone has more', async () => {
    const keys = (count: number, from: string) => Array.from({ length: count }, (_, i) => from + i)
    const sizes = [600, 400, 1, 1500, 10]
    await Promise.all(sizes.map((size, i) => writer.write(put(...keys(size, `${i}-`)))))
    expect(batches.map(({ added }) => added.length)).toEqual([1000, 1, 1500, 10])
  })

  it('lets a deletion by filter see what was written before it, and no more', async () => {
    const find = (): Removal[] =>
      stored().map(line => {
        const [seq, key] = line.split(':') as [string, string]
        return { seq: Number(seq), namespace: '', key }
      })
    const counts = await Promise.all([
      writer.write(put('a', 'b')),
      writer.write({ kind: 'removeWhere', find }),
      writer.write(put('c')),
      writer.write(put('a'))
    ])
    expect(counts).toEqual([2, 2, 1, 1])
    expect(stored()).toEqual(['3:c', '4:a'])
  })

  it('runs a barrier between what came before and after it', async () => {
    const seen: string[][] = []
    const barrier: WriteRequest = { kind: 'barrier', run: () => seen.push(stored()) }
    const requests = [barrier, put('a'), put('b'), barrier, put('c'), barrier, barrier]
    await Promise.all(requests.map(request => writer.write(request)))
    expect(seen).toEqual([[], ['1:a', '2:b'], ['1:a', '2:b', '3:c'], ['1:a', '2:b', '3:c']])
    expect(batches).toHaveLength(2)
  })
})

describe('what cannot be written', () => {
  it('is refused alone: the other requests of its batch are written', async () => {
    const encode = store.encode.bind(store)
    store.encode = (document, vectors) => {
      if (document.key === 'bad') throw new EsplanadeError('INVALID_KEY', { problem: 'bad' })
      return encode(document, vectors)
    }
    const results = [put('a'), put('b', 'bad'), put('c')].map(one => codeOf(writer.write(one)))
    expect(await Promise.all(results)).toEqual([undefined, 'INVALID_KEY', undefined])
    expect(stored().map(line => line.split(':')[1])).toEqual(['a', 'c'])
    expect(delta.numDocuments).toBe(2)
    expect(delta.lastSeq).toBe(Number(stored()[1]!.split(':')[0]))
  })

  it('leaves no trace in memory, and no number is used twice', async () => {
    await writer.write(put('a'))
    store.nextFailure = full()
    expect(await codeOf(writer.write(put('a', 'b')))).toBe('FILE_UNWRITABLE')
    expect([delta.numDocuments, delta.lastSeq]).toEqual([1, 1])
    expect(commits).toHaveLength(1)
    await writer.write(put('a'))
    expect(stored()).toEqual(['4:a'])
    expect(delta.lastSeq).toBe(4)
  })

  it('does not hold up what comes after a failure of a whole batch', async () => {
    store.nextFailure = full()
    await Promise.all([put('a'), put('b')].map(one => writer.write(one)))
    expect(stored()).toEqual(['3:a', '4:b'])
    expect(delta.numDocuments).toBe(2)
    const failing: WriteRequest = {
      kind: 'removeWhere',
      find: () => {
        throw full()
      }
    }
    const results = [failing, put('c')].map(one => codeOf(writer.write(one)))
    expect(await Promise.all(results)).toEqual(['FILE_UNWRITABLE', undefined])
  })

  it('is what comes after closing, which waits for what came before', async () => {
    const before = ['a', 'a', 'b'].map(key => writer.write(put(key)))
    const closing = writer.close()
    expect(await codeOf(writer.write(put('c')))).toBe('COLLECTION_CLOSED')
    await closing
    expect(await Promise.all(before)).toEqual([1, 1, 1])
    expect(stored()).toEqual(['2:a', '3:b'])
  })
})

it('keeps metadata of its own, as the store gives them back', async () => {
  const metadata = { list: [1], day: { $date: '2026-11-21' } }
  const document = { namespace: '', key: 'a', text: '', metadata }
  const documents = [{ document, vectors: { passages: [vectorOf(1)] } }]
  await writer.write({ kind: 'put', documents })
  metadata.list[0] = 2
  expect(delta.typesOf('day', '', 1)).toEqual(new Set(['date']))
  let seen: unknown
  const filter = {
    name: 'look',
    passes: (one: { readonly metadata: unknown }) => {
      seen = one.metadata
      return true
    }
  }
  const wanted = { numEntries: 1, commit: 1, k: 1, minScore: 0, after: undefined }
  delta.search(vectorOf(1), { ...wanted, filter, metric: 'dot' })
  expect(seen).toEqual({ list: [1], day: new Date('2026-11-21') })
})
