import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Collection, EsplanadeError, open } from 'esplanade'
import { afterAll, expect, it, vi } from 'vitest'
import { checkCollection } from '../../src/node/check-collection.ts'
import type { SegmentJob } from '../../src/node/segment-jobs.ts'
import { madeDocuments } from './kill/documents.ts'
import { FailingFiles } from './kill/failing-files.ts'
import { searchProblems, storedDocuments } from './kill/oracle.ts'
import { randomNumbers } from './kill/random.mjs'

// A thread has a file system of its own, so segments are made in this one.
vi.mock('../../src/node/segment-jobs.ts', async importOriginal => {
  const { runSegmentJob } = await importOriginal<typeof import('../../src/node/segment-jobs.ts')>()
  const { LmdbStore } = await import('../../src/node/lmdb-store.ts')
  const { Columns } = await import('../../src/filter/columns.ts')
  class SegmentJobs {
    async run(job: SegmentJob, signal?: AbortSignal) {
      const store = await LmdbStore.open(job.paths.store, { readOnly: true })
      try {
        const { state, made } = await runSegmentJob(store, job, signal)
        return { state, made: made && { ...made, columns: Columns.open(made.columns) } }
      } finally {
        await store.close()
      }
    }
    async close() {}
  }
  return { SegmentJobs, runSegmentJob }
})

/** `EVERY_CHANGE=1` lets each fail in turn; otherwise it is another third of them in each run. */
const EVERY_CHANGE = process.env.EVERY_CHANGE !== undefined

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'esplanade-io-')))
const files = new FailingFiles(folder)
afterAll(() => {
  files.restore()
  rmSync(folder, { recursive: true, force: true })
})

const options = { model: null, flushLimits: { maxEntries: 50, maxPostings: 1e6 } } as const

/** What is done, step by step; each may be refused, and is then done again. */
const steps: ((collection: Collection, to: string) => Promise<unknown>)[] = [
  collection => collection.upsert(madeDocuments(30, 1)),
  collection => collection.flush(),
  collection => collection.upsert(madeDocuments(40, 2, 'm')),
  collection => collection.delete(['k1', 'k2', 'm3']),
  collection => collection.upsert(madeDocuments(20, 3)),
  collection => collection.compact(),
  (collection, to) => collection.backup(to)
]

async function tried<T>(run: () => Promise<T>, inspect: () => Promise<void>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    expect(error).toBeInstanceOf(EsplanadeError)
    const { code, message } = error as EsplanadeError
    expect(code, message).toBe('FILE_UNWRITABLE')
    expect(message).toMatch(/disk is full|injected/)
    files.heal()
    await inspect()
    return await run()
  }
}

async function expectWhole(collection: Collection, context: string): Promise<void> {
  const stored = await storedDocuments(collection)
  expect(await searchProblems(collection, stored, randomNumbers(5)), context).toEqual([])
}

/** Gives whether anything was refused. */
async function runWith(n: number, isLasting: boolean): Promise<boolean> {
  const directory = join(folder, `${n} ${isLasting}`)
  const code = n % 2 === 0 ? 'ENOSPC' : 'EIO'
  files.fail(code, n, isLasting)
  const opening = () => open(directory, options)
  const collection = await tried(opening, async () => undefined)
  const context = () => `${code} at change ${n}, ${isLasting}: ${files.last}`
  try {
    for (const step of steps) {
      await tried(
        () => step(collection, `${directory} copy`),
        async () => {
          await expectWhole(collection, context())
          // A copy whose last flush failed is removed, unless that fails too.
          if (isLasting) rmSync(`${directory} copy`, { recursive: true, force: true })
        }
      )
    }
    await collection.settle()
    files.heal()
    await expectWhole(collection, context())
  } catch (error) {
    throw new Error(context(), { cause: error })
  } finally {
    files.heal()
    await collection.close()
  }
  for (const place of [directory, `${directory} copy`]) {
    await using again = await open(place, options)
    const keys = new Set((await storedDocuments(again)).map(({ key }) => key))
    expect(keys.size, context()).toBe(67 + 2)
    await expectWhole(again, context())
    expect((await checkCollection(place)).findings, context()).toEqual([])
    const left = readdirSync(place, { recursive: true, encoding: 'utf8' })
    expect(left.filter(name => name.includes('partial'))).toEqual([])
  }
  return files.numFailed > 0
}

it.each([false, true])(
  'a change of the disk that fails, any of them, is an error, and nothing is lost (from then on: %s)',
  async isLasting => {
    const step = EVERY_CHANGE ? 1 : isLasting ? 9 : 3
    let n = 1 + Math.floor(Math.random() * step)
    while (await runWith(n, isLasting)) n += step
    // So many changes make up the run; fewer: they were not seen.
    expect(n).toBeGreaterThan(60)
  }
)

const hasPrlimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0

it.runIf(hasPrlimit)(
  'LMDB finds no room: nothing is lost, and it goes on when there is',
  async () => {
    const directory = join(folder, 'limited')
    const program = fileURLToPath(new URL('./kill/limited.mjs', import.meta.url))
    // Blocks of 512 bytes; without the trap the process would be ended by a signal.
    const limited = `trap '' XFSZ; ulimit -S -f 4000; exec "$0" "$1" "$2"`
    const child = spawn('sh', ['-c', limited, process.execPath, program, directory], {
      stdio: ['pipe', 'pipe', 'ignore']
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const refused = JSON.parse((await lines.next()).value)
    const { numAcknowledged } = refused
    expect(numAcknowledged).toBeGreaterThan(0)
    expect(refused).toEqual({
      code: 'FILE_UNWRITABLE',
      numAcknowledged,
      numDocuments: 50 * numAcknowledged,
      // Of each batch, two documents have the term that is looked for.
      numHits: Math.min(2 * numAcknowledged, 100)
    })
    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited'])
    child.stdin.end('\n')
    expect(JSON.parse((await lines.next()).value)).toEqual({ done: true })
    await using collection = await open(directory, { readOnly: true })
    expect((await collection.stats()).numDocuments).toBe(50 * (numAcknowledged + 1))
    expect((await checkCollection(directory)).findings).toEqual([])
  }
)
