import { spawn } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { open as openLmdb } from 'lmdb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EncodedDocument, Removal } from '../../src/collection/store.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { LmdbStore } from '../../src/node/lmdb-store.ts'
import { runProgram } from '../run-program.ts'
import { programFolder, writeProgram } from './store-programs.ts'

let folder: string
let directory: string
let store: LmdbStore
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-store-'))
  // A dot in the last name must not make it a file.
  directory = join(folder, 'a.store')
  store = await LmdbStore.open(directory, { create: true })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const vector = { terms: Uint32Array.of(1, 9), weights: Float32Array.of(1, 0.5) }

function encoded(seq: number, key: string, namespace = '', text = `text ${seq}`): EncodedDocument {
  const document = { seq, namespace, key, text, metadata: { seq } }
  return store.encode(document, { passages: [vector] })
}

const removal = (seq: number, key: string, namespace = ''): Removal => ({ seq, namespace, key })

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    error => (error instanceof EsplanadeError ? error.code : error)
  )

describe('a batch', () => {
  it('is there as a whole once its promise resolves', async () => {
    await store.write({ added: [encoded(1, 'a'), encoded(2, 'b', 'tenant')], removed: [] })
    const snapshot = store.snapshot()
    expect(snapshot.state).toEqual({
      commit: 1,
      lastSeq: 2,
      lastTombstone: 0,
      forgottenFor: 0,
      numDocuments: 2
    })
    expect(snapshot.document(2)).toEqual({
      seq: 2,
      namespace: 'tenant',
      key: 'b',
      text: 'text 2',
      metadata: { seq: 2 }
    })
    expect(snapshot.vectors(2)).toEqual({ passages: [vector] })
    expect([
      snapshot.seqOf('', 'a'),
      snapshot.seqOf('', 'b'),
      snapshot.seqOf('tenant', 'b')
    ]).toEqual([1, undefined, 2])
    expect([snapshot.document(3), snapshot.vectors(3)]).toEqual([undefined, undefined])
    expect([...snapshot.namespaces()]).toEqual([
      ['', 1],
      ['tenant', 1]
    ])
    snapshot.close()
  })

  it('replaces and deletes, and leaves tombstones until they are forgotten', async () => {
    await store.write({ added: [encoded(1, 'a'), encoded(2, 'b', 'n')], removed: [] })
    await store.write({
      added: [encoded(3, 'a')],
      removed: [removal(1, 'a'), removal(2, 'b', 'n')]
    })
    const snapshot = store.snapshot()
    expect(snapshot.state).toMatchObject({ lastSeq: 3, lastTombstone: 2, numDocuments: 1 })
    expect([snapshot.document(1), snapshot.vectors(1), snapshot.seqOf('n', 'b')]).toEqual([
      undefined,
      undefined,
      undefined
    ])
    expect(snapshot.seqOf('', 'a')).toBe(3)
    expect([...snapshot.namespaces()]).toEqual([['', 1]])
    expect([...snapshot.tombstones(0)]).toEqual([
      { number: 1, seq: 1 },
      { number: 2, seq: 2 }
    ])
    expect([...snapshot.tombstones(1)]).toEqual([{ number: 2, seq: 2 }])
    snapshot.close()
    await store.write({ added: [], removed: [], forgotten: [1], forgottenFor: 4 })
    const later = store.snapshot()
    expect([...later.tombstones(0)]).toEqual([{ number: 2, seq: 2 }])
    expect(later.state).toMatchObject({ forgottenFor: 4, lastTombstone: 2 })
    later.close()
  })

  it('that makes no sense is refused before anything of it is written', async () => {
    await store.write({ added: [encoded(5, 'a')], removed: [] })
    const refused = [
      { added: [encoded(5, 'b')], removed: [] },
      { added: [encoded(7, 'b'), encoded(6, 'c')], removed: [] },
      { added: [encoded(6, 'a')], removed: [] },
      { added: [encoded(6, 'b'), encoded(7, 'b')], removed: [] },
      { added: [], removed: [removal(4, 'a')] },
      { added: [], removed: [removal(5, 'a'), removal(5, 'a')] }
    ]
    for (const batch of refused) expect(await codeOf(store.write(batch))).toBe('INVALID_ARGUMENT')
    const first = store.write({ added: [encoded(6, 'b')], removed: [] })
    expect(await codeOf(store.write({ added: [], removed: [] }))).toBe('INVALID_ARGUMENT')
    await first
    const snapshot = store.snapshot()
    expect(snapshot.state).toMatchObject({ commit: 2, lastSeq: 6, numDocuments: 2 })
    snapshot.close()
  })

  it('survives closing and opening', async () => {
    await store.write({ added: [encoded(1, 'a'), encoded(2, 'b')], removed: [] })
    await store.write({ added: [], removed: [removal(1, 'a')] })
    await store.close()
    store = await LmdbStore.open(directory, { durability: 'group' })
    const snapshot = store.snapshot()
    expect(snapshot.state).toMatchObject({ commit: 2, lastSeq: 2, lastTombstone: 1 })
    expect(snapshot.document(2)?.text).toBe('text 2')
    snapshot.close()
    await store.write({ added: [encoded(3, 'a')], removed: [] })
  })

  it('may be of hundreds of megabytes: the file and its map grow', async () => {
    const text = 'x'.repeat(2_000_000)
    for (let batch = 0; batch < 5; batch++) {
      const seqs = Array.from({ length: 20 }, (_, i) => 20 * batch + i + 1)
      await store.write({ added: seqs.map(seq => encoded(seq, `${seq}`, '', text)), removed: [] })
      const snapshot = store.snapshot()
      expect(snapshot.document(20 * batch + 1)?.text.length).toBe(text.length)
      snapshot.close()
    }
  })
})

describe('a snapshot', () => {
  it('is of one point in time, whatever is written after it', async () => {
    const all = []
    for (let seq = 1; seq <= 30; seq++) {
      const removed = seq > 3 ? [removal(seq - 3, `k${seq - 3}`)] : []
      await store.write({ added: [encoded(seq, `k${seq}`)], removed })
      all.push(store.snapshot())
    }
    for (const [i, snapshot] of all.entries()) {
      const last = i + 1
      const first = Math.max(1, last - 2)
      expect(snapshot.state).toMatchObject({ commit: last, numDocuments: last - first + 1 })
      const seqs = Array.from({ length: last - first + 1 }, (_, j) => first + j)
      expect([...snapshot.seqs(0, 99)]).toEqual(seqs)
      expect(seqs.map(seq => snapshot.document(seq)?.key)).toEqual(seqs.map(seq => `k${seq}`))
      expect([...snapshot.tombstones(0)]).toHaveLength(first - 1)
      snapshot.close()
      expect(() => snapshot.document(1)).toThrow('the snapshot is closed')
    }
  })

  it('can be held a thousand times over', async () => {
    const all = []
    for (let seq = 1; seq <= 1000; seq++) {
      if (seq <= 20) await store.write({ added: [encoded(seq, `k${seq}`)], removed: [] })
      all.push(store.snapshot())
    }
    expect(all[4]!.state.numDocuments).toBe(5)
    for (const snapshot of all) snapshot.close()
  })

  it('of a closed store is closed', async () => {
    const snapshot = store.snapshot()
    const keys = snapshot.seqs(1, 2)
    await store.close()
    expect(() => [...keys]).toThrow('the snapshot is closed')
    expect(() => store.snapshot()).toThrow('the store is closed')
    expect(await codeOf(store.write({ added: [], removed: [] }))).toBe('COLLECTION_CLOSED')
  })
})

describe('order', () => {
  it('of documents is by number, up to the largest', async () => {
    const seqs = [1, 255, 256, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53 - 1]
    await store.write({ added: seqs.map(seq => encoded(seq, `${seq}`)), removed: [] })
    const snapshot = store.snapshot()
    expect([...snapshot.seqs(1, Number.MAX_SAFE_INTEGER)]).toEqual(seqs)
    expect([...snapshot.seqs(256, 2 ** 32)]).toEqual(seqs.slice(2, 7))
    expect(seqs.map(seq => snapshot.document(seq)?.seq)).toEqual(seqs)
    snapshot.close()
  })

  it('of keys is by UTF-8, within a namespace', async () => {
    // By UTF-16, the surrogates of 🙂 would come before ﬀ.
    const keys = ['a', 'aa', 'ab', 'b', 'é', 'ﬀ', '🙂', `${'🙂'.repeat(256)}`]
    const other = [encoded(100, 'ab', 'a'), encoded(101, 'zz', 'b')]
    const added = keys.map((key, i) => encoded(i + 1, key)).reverse()
    const shuffled = added.map((_, i) => encoded(i + 1, keys[(i * 3) % keys.length]!))
    await store.write({ added: [...shuffled, ...other], removed: [] })
    const snapshot = store.snapshot()
    const list = (namespace: string, options?: { prefix?: string; after?: string }) =>
      Array.from(snapshot.keys(namespace, options), ({ key }) => key)
    expect(list('')).toEqual(keys)
    expect(list('', { prefix: 'a' })).toEqual(['a', 'aa', 'ab'])
    expect(list('', { prefix: 'a', after: 'a' })).toEqual(['aa', 'ab'])
    expect(list('', { after: 'b' })).toEqual(keys.slice(4))
    expect(list('', { prefix: 'a', after: 'b' })).toEqual([])
    expect(list('', { prefix: 'b', after: 'a' })).toEqual(['b'])
    expect([list('a'), list('b'), list('c')]).toEqual([['ab'], ['zz'], []])
    expect([...snapshot.keys('a')]).toEqual([{ key: 'ab', seq: 100 }])
    snapshot.close()
  })

  it('holds over more entries than are read at once', async () => {
    const seqs = Array.from({ length: 2000 }, (_, i) => i + 1)
    const name = (seq: number) => `k${String(seq).padStart(5, '0')}`
    await store.write({ added: seqs.map(seq => encoded(seq, name(seq))), removed: [] })
    await store.write({
      added: [],
      removed: seqs.map(seq => removal(seq, name(seq))).slice(0, 1500)
    })
    const snapshot = store.snapshot()
    expect([...snapshot.seqs(1, 2000)]).toEqual(seqs.slice(1500))
    expect(Array.from(snapshot.keys(''), ({ seq }) => seq)).toEqual(seqs.slice(1500))
    expect(Array.from(snapshot.tombstones(0), ({ seq }) => seq)).toEqual(seqs.slice(0, 1500))
    snapshot.close()
  })
})

describe('a copy', () => {
  it('is of one point in time, while writes go on', async () => {
    for (let seq = 1; seq <= 200; seq += 2) {
      await store.write({
        added: [encoded(seq, `${seq}`), encoded(seq + 1, `${seq + 1}`)],
        removed: []
      })
    }
    const copying = store.copyTo(join(folder, 'copy'))
    for (let seq = 201; seq <= 400; seq += 2) {
      await store.write({
        added: [encoded(seq, `${seq}`), encoded(seq + 1, `${seq + 1}`)],
        removed: []
      })
    }
    const closed = store.copyTo(join(folder, 'another'))
    await Promise.all([copying, store.close(), closed])
    store = await LmdbStore.open(directory)
    const copy = await LmdbStore.open(join(folder, 'copy'))
    const snapshot = copy.snapshot()
    const { numDocuments, commit } = snapshot.state
    expect(numDocuments).toBeGreaterThanOrEqual(200)
    expect(commit).toBe(numDocuments / 2)
    expect([...snapshot.seqs(1, 400)]).toHaveLength(numDocuments)
    for (const seq of snapshot.seqs(1, 400)) expect(snapshot.document(seq)?.key).toBe(`${seq}`)
    snapshot.close()
    await copy.close()
    expect(await codeOf(store.copyTo(join(folder, 'copy')))).toBe('COLLECTION_EXISTS')
  })
})

describe('a reader', () => {
  let programs: string
  beforeAll(() => {
    programs = programFolder()
  })
  afterAll(() => rmSync(programs, { recursive: true, force: true }))

  it('in another process sees each batch in a new snapshot, and writes nothing', async () => {
    const program = writeProgram(
      programs,
      'reader.js',
      `import { createInterface } from 'node:readline'
      import { LmdbStore } from './src/node/lmdb-store.js'
      const store = await LmdbStore.open(process.argv[2], { readOnly: true })
      const first = store.snapshot()
      console.log('ready')
      for await (const line of createInterface({ input: process.stdin })) {
        const snapshot = store.snapshot()
        const seqs = [...snapshot.seqs(1, 1e9)]
        const whole = seqs.every(seq => snapshot.document(seq).text.length >= 100000)
        console.log(JSON.stringify([seqs.length, snapshot.state.numDocuments, whole, first.state.commit]))
        snapshot.close()
      }
      await store.close()`
    )
    const child = spawn(process.execPath, [program, directory], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => (await lines.next()).value as string
    expect(await next()).toBe('ready')
    // Larger than the map of the file that the reader has opened.
    for (let batch = 0; batch < 8; batch++) {
      const seqs = Array.from({ length: 10 }, (_, i) => 10 * batch + i + 1)
      const text = 'x'.repeat(100_000)
      await store.write({ added: seqs.map(seq => encoded(seq, `${seq}`, '', text)), removed: [] })
      child.stdin.write('\n')
      expect(JSON.parse(await next())).toEqual([10 * batch + 10, 10 * batch + 10, true, 0])
    }
    const before = readFileSync(join(directory, 'data.mdb'))
    child.stdin.end()
    await new Promise(resolve => child.on('exit', resolve))
    expect(readFileSync(join(directory, 'data.mdb')).equals(before)).toBe(true)
    expect(readdirSync(directory).sort()).toEqual(['data.mdb', 'lock.mdb'])
  })

  it('in a thread of the writer sees each batch too, and may end at any time', () => {
    const program = writeProgram(
      programs,
      'thread.js',
      `import { once } from 'node:events'
      import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
      import { LmdbStore } from './src/node/lmdb-store.js'
      const directory = process.argv[2] ?? workerData
      if (!isMainThread) {
        const store = await LmdbStore.open(directory, { readOnly: true })
        parentPort.on('message', async () => {
          const snapshot = store.snapshot()
          parentPort.postMessage([...snapshot.seqs(1, 99)].map(seq => snapshot.document(seq).key).join())
          snapshot.close()
        })
      } else {
        const store = await LmdbStore.open(directory, { create: true })
        const outputs = []
        let seq = 0
        for (let thread = 0; thread < 3; thread++) {
          const worker = new Worker(new URL(import.meta.url), { workerData: directory })
          for (let batch = 0; batch < 3; batch++) {
            const document = { seq: ++seq, namespace: '', key: 'k' + seq, text: '', metadata: {} }
            await store.write({ added: [store.encode(document, { passages: [] })], removed: [] })
            worker.postMessage('read')
            outputs.push((await once(worker, 'message'))[0])
          }
          await worker.terminate()
        }
        await store.close()
        console.log(outputs.at(-1))
      }`
    )
    const { stdout } = runProgram(process.execPath, [program, join(folder, 'threads')])
    expect(stdout.trim()).toBe('k1,k2,k3,k4,k5,k6,k7,k8,k9')
  })

  it('in the process of the writer reads along', async () => {
    const reader = await LmdbStore.open(directory, { readOnly: true })
    await store.write({ added: [encoded(1, 'a')], removed: [] })
    const snapshot = reader.snapshot()
    expect(snapshot.document(1)?.key).toBe('a')
    snapshot.close()
    expect(await codeOf(reader.write({ added: [], removed: [] }))).toBe('INVALID_ARGUMENT')
    await reader.close()
    await store.write({ added: [encoded(2, 'b')], removed: [] })
  })

  it('keeps a writer with other flags out of its process', async () => {
    await store.close()
    const reader = await LmdbStore.open(directory, { readOnly: true })
    expect(await codeOf(LmdbStore.open(directory))).toBe('COLLECTION_LOCKED')
    await reader.close()
  })
})

describe('opening', () => {
  const data = () => join(directory, 'data.mdb')
  const reopened = async (options = {}) => codeOf(LmdbStore.open(directory, options))

  it('asks for a store to be there, or to be made', async () => {
    const nowhere = join(folder, 'nowhere')
    expect(await codeOf(LmdbStore.open(nowhere))).toBe('COLLECTION_NOT_FOUND')
    expect(await codeOf(LmdbStore.open(nowhere, { readOnly: true, create: true }))).toBe(
      'COLLECTION_NOT_FOUND'
    )
    expect(readdirSync(folder)).toEqual(['a.store'])
    writeFileSync(nowhere, 'a file')
    expect(await codeOf(LmdbStore.open(nowhere, { create: true }))).toBe('FILE_NOT_FOUND')
  })

  it('refuses what LMDB would take for a store, or die of', async () => {
    const added = Array.from({ length: 300 }, (_, i) =>
      encoded(i + 1, `${i}`, '', 'x'.repeat(1000))
    )
    await store.write({ added, removed: [] })
    await store.close()
    const whole = readFileSync(data())
    for (const length of [1, 100, 4096, 5000, 8192, whole.length >> 1, whole.length - 4096]) {
      writeFileSync(data(), whole)
      truncateSync(data(), length)
      expect([length, await reopened(), await reopened({ readOnly: true })]).toEqual([
        length,
        'COLLECTION_CORRUPT',
        'COLLECTION_CORRUPT'
      ])
    }
    for (const bytes of [
      Buffer.alloc(20_000),
      Buffer.alloc(20_000, 'garbage '),
      whole.subarray(7)
    ]) {
      writeFileSync(data(), bytes)
      expect(await reopened()).toBe('COLLECTION_CORRUPT')
    }
    const newer = Buffer.from(whole)
    newer.writeUInt32LE(3, 28)
    writeFileSync(data(), newer)
    expect(await reopened()).toBe('COLLECTION_VERSION')
    writeFileSync(data(), whole)
    expect(await reopened()).toBeUndefined()
  })

  it('refuses another version of our layout, and another database of LMDB', async () => {
    await store.close()
    const lmdb = openLmdb<Buffer, Buffer>({ path: directory, noSubdir: false, encoding: 'binary' })
    const meta = lmdb.openDB<Buffer, Buffer>('meta', { encoding: 'binary', keyEncoding: 'binary' })
    await meta.put(Buffer.from('format'), Buffer.of(2, 0, 0, 0, 0, 0, 0, 0))
    await lmdb.close()
    expect(await reopened()).toBe('COLLECTION_VERSION')
    expect(await reopened({ readOnly: true })).toBe('COLLECTION_VERSION')

    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    const other = openLmdb({ path: directory, noSubdir: false })
    await other.put('hello', 'world')
    await other.close()
    expect(await reopened({ readOnly: true })).toBe('COLLECTION_CORRUPT')
  })

  it('takes an empty file for none: its maker was killed', async () => {
    await store.close()
    truncateSync(data(), 0)
    expect(await reopened()).toBe('COLLECTION_NOT_FOUND')
    store = await LmdbStore.open(directory, { create: true })
    await store.write({ added: [encoded(1, 'a')], removed: [] })
  })

  it('names the document of a record that is damaged', async () => {
    await store.write({ added: [encoded(1, 'a'), encoded(2, 'the key')], removed: [] })
    await store.close()
    const bytes = readFileSync(data())
    const at = bytes.indexOf('text 2')
    bytes[at]! ^= 1
    writeFileSync(data(), bytes)
    store = await LmdbStore.open(directory)
    const snapshot = store.snapshot()
    expect(snapshot.document(1)?.text).toBe('text 1')
    expect(() => snapshot.document(2)).toThrow('document 2, with the key "the key", is damaged')
    expect(snapshot.vectors(2)).toEqual({ passages: [vector] })
    snapshot.close()
  })

  it('reads a copy of the file alone', async () => {
    await store.write({ added: [encoded(1, 'a')], removed: [] })
    await store.close()
    mkdirSync(join(folder, 'moved'))
    copyFileSync(data(), join(folder, 'moved', 'data.mdb'))
    const moved = await LmdbStore.open(join(folder, 'moved'), { readOnly: true })
    const snapshot = moved.snapshot()
    expect(snapshot.seqOf('', 'a')).toBe(1)
    snapshot.close()
    await moved.close()
  })
})
