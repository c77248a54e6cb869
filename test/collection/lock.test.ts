import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Collection, open, type UpsertDocument } from 'esplanade'
import { afterAll, expect, it } from 'vitest'
import { checkCollection } from '../../src/node/check-collection.ts'

const folder = mkdtempSync(join(tmpdir(), 'esplanade-lock-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const vector = { terms: Uint32Array.of(1), weights: Float32Array.of(1) }
const batch = (prefix: string, count: number): UpsertDocument[] =>
  Array.from({ length: count }, (_, i) => ({ key: `${prefix}${i}`, vector }))

it('one process opens a collection for writing once, and for reading as often as it likes', async () => {
  const directory = join(folder, 'one')
  const first = await open(directory, { model: null })
  const refused = { code: 'COLLECTION_LOCKED', message: expect.stringContaining(`${process.pid}`) }
  await expect(open(directory)).rejects.toMatchObject(refused)
  const reader = await open(directory, { readOnly: true })
  await first.upsert(batch('k', 3))
  expect((await reader.stats()).numDocuments).toBe(3)
  await first.close()
  const second = await open(directory)
  expect((await reader.search(vector)).hits.length).toBe(3)
  await Promise.all([second.close(), reader.close()])
})

it('the pid of another process that writes is named; when it is killed, its lock is void', async () => {
  const directory = join(folder, 'other')
  const program = fileURLToPath(new URL('./kill/program.mjs', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [program, directory, '1'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(child.stdout!, 'data')
  while (!existsSync(join(directory, 'collection.json'))) await once(child.stdout!, 'data')
  await expect(open(directory)).rejects.toMatchObject({
    code: 'COLLECTION_LOCKED',
    message: expect.stringContaining(`pid ${child.pid}`)
  })
  child.stdout!.resume()
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await open(directory)).close()
  expect(existsSync(join(directory, 'writer.lock'))).toBe(false)
})

it('the lock of a process on another machine is kept, and the message says how it is removed', async () => {
  const directory = join(folder, 'elsewhere')
  await (await open(directory, { model: null })).close()
  const path = join(directory, 'writer.lock')
  const holder = { pid: 1, host: `not ${hostname()}`, processStart: '', token: 't' }
  writeFileSync(path, JSON.stringify(holder))
  await expect(open(directory)).rejects.toMatchObject({
    code: 'COLLECTION_LOCKED',
    message: expect.stringContaining(`delete ${path}`)
  })
})

const uses: Readonly<Record<string, (collection: Collection) => Promise<unknown>>> = {
  upsert: collection => collection.upsert(batch('k', 1)),
  delete: collection => collection.delete('k'),
  search: collection => collection.search(vector),
  explain: collection => collection.explain(vector, 'k'),
  get: collection => collection.get('k'),
  list: collection => collection.list(),
  stats: collection => collection.stats(),
  snapshot: collection => collection.snapshot(),
  flush: collection => collection.flush(),
  settle: collection => collection.settle(),
  compact: collection => collection.compact(),
  backup: collection => collection.backup(join(folder, 'no copy'))
}

it('what was closed is not used any more, and closing it again does nothing', async () => {
  const collection = await open(join(folder, 'closed'), { model: null })
  await collection.upsert(batch('k', 1))
  const snapshot = await collection.snapshot()
  await Promise.all([collection.close(), collection.close()])
  await collection.close()
  for (const [name, use] of Object.entries(uses)) {
    await expect(use(collection), name).rejects.toMatchObject({ code: 'COLLECTION_CLOSED' })
  }
  await expect(snapshot.get('k0')).rejects.toMatchObject({ code: 'COLLECTION_CLOSED' })
  await snapshot.close()
})

it('a collection that is read only is not written to', async () => {
  const directory = join(folder, 'closed')
  await using collection = await open(directory, { readOnly: true })
  for (const name of ['upsert', 'delete', 'flush', 'settle', 'compact']) {
    await expect(uses[name]!(collection), name).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
})

it('closing while much is under way leaves each batch whole or out', async () => {
  const directory = join(folder, 'busy')
  for (let round = 0; round < 6; round++) {
    const collection = await open(directory, {
      model: null,
      flushLimits: { maxEntries: 300, maxPostings: 1e6 }
    })
    const prefixes = ['a', 'b', 'c', 'd'].map(letter => `${letter}${round} `)
    const writes = prefixes.map(prefix => collection.upsert(batch(prefix, 200)))
    const others = [collection.flush(), collection.compact(), collection.delete('a0 1')]
    if (round > 0) await new Promise(resolve => setTimeout(resolve, round * 4))
    const [outcomes] = await Promise.all([
      Promise.allSettled(writes),
      Promise.allSettled(others).then(all => {
        for (const one of all) {
          if (one.status === 'fulfilled') continue
          expect(one.reason.code).toMatch(/^(COLLECTION_CLOSED|ABORTED)$/)
        }
      }),
      collection.close()
    ])
    await using again = await open(directory, { readOnly: true })
    for (const [i, { status }] of outcomes.entries()) {
      const { keys } = await again.list({ prefix: prefixes[i]!, limit: 1000 })
      const numGone = i === 0 && round === 0 ? 1 : 0
      if (status === 'fulfilled') expect(keys.length).toBeGreaterThanOrEqual(200 - numGone)
      else expect([0, 199, 200]).toContain(keys.length)
    }
  }
  expect((await checkCollection(directory)).isClean).toBe(true)
})
