import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generationPaths, openSegmentFiles } from '../../src/node/collection-files.ts'
import { LmdbStore } from '../../src/node/lmdb-store.ts'
import { packageRoot } from '../../src/node/package-root.ts'
import {
  runSegmentJob,
  type SegmentJob,
  SegmentJobs,
  type SegmentJobsOptions
} from '../../src/node/segment-jobs.ts'
import { MemoryStore } from './memory-store.ts'
import { removeDocuments, vectorOf, writeDocuments } from './written-documents.ts'

const root = mkdtempSync(join(tmpdir(), 'esplanade-segment-jobs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let numFolders = 0
const newPaths = () => {
  const paths = generationPaths(join(root, `${numFolders++}`), 'g1')
  mkdirSync(paths.folder, { recursive: true })
  return paths
}
const jobOf = (job: Partial<SegmentJob>): SegmentJob => ({
  paths: newPaths(),
  file: '000001',
  first: 1,
  last: 1000,
  build: { metric: 'dot', precision: 'float32' },
  ...job
})
const documents = (n: number) => Array.from({ length: n }, (_, i) => ({ passages: [vectorOf(i)] }))

describe('a job in this thread', () => {
  it('writes the files of a segment', async () => {
    const store = new MemoryStore()
    await writeDocuments(store, 1, documents(20))
    await removeDocuments(store, [1, 20])
    const job = jobOf({})
    const { state, made } = await runSegmentJob(store, job)
    expect(state).toMatchObject({ commit: 2, lastSeq: 20, lastTombstone: 2 })
    expect(made!.record).toMatchObject({ firstSeq: 2, lastSeq: 19, numDocuments: 18 })
    const { segment } = await openSegmentFiles(job.paths, made!.record)
    expect(Buffer.compare(segment.bytes(), made!.segment.bytes())).toBe(0)
    expect(store.numSnapshots).toBe(0)
  })

  it('writes none where nothing is alive, and lets its snapshot go', async () => {
    const store = new MemoryStore()
    const job = jobOf({})
    expect(await runSegmentJob(store, job)).toMatchObject({ made: undefined })
    expect(existsSync(job.paths.segments)).toBe(false)
    await writeDocuments(store, 1, documents(2))
    await expect(runSegmentJob(store, job, AbortSignal.abort())).rejects.toThrow(/stopped/)
    expect(store.numSnapshots).toBe(0)
  })
})

describe('a thread that is not as it should be', () => {
  let jobs: SegmentJobs
  afterEach(() => jobs.close())
  const worker = (source: string): SegmentJobsOptions => {
    const workerFile = join(root, `worker-${numFolders++}.mjs`)
    const head = `import { parentPort as port } from 'node:worker_threads'\n`
    writeFileSync(workerFile, head + source)
    return { workerFile }
  }
  const failing = (failed: string) => `{ failed: ${JSON.stringify(failed)} }`

  it('is replaced after it has died', async () => {
    const flag = join(root, 'second-time')
    jobs = new SegmentJobs(
      worker(`
        import { existsSync, writeFileSync } from 'node:fs'
        const flag = ${JSON.stringify(flag)}
        port.on('message', ({ kind }) => {
          if (kind === 'close') return port.close()
          if (existsSync(flag)) return port.postMessage({ state: { commit: 3 } })
          writeFileSync(flag, '')
          process.exit(7)
        })`)
    )
    await expect(jobs.run(jobOf({}))).rejects.toThrow('ended with code 7')
    expect(await jobs.run(jobOf({}))).toEqual({ state: { commit: 3 }, made: undefined })
  })

  it('is reported where it throws, or is not there', async () => {
    jobs = new SegmentJobs(worker(`port.on('message', () => { throw new TypeError('oh') })`))
    await expect(jobs.run(jobOf({}))).rejects.toThrow('ended: oh')
    await jobs.close()
    jobs = new SegmentJobs({ workerFile: join(root, 'none.mjs') })
    await expect(jobs.run(jobOf({}))).rejects.toThrow(/none\.mjs/)
  })

  it('gives its errors back', async () => {
    const refused = {
      code: 'FILE_UNWRITABLE',
      place: 'p',
      problem: 'the disk is full',
      remedy: 'r'
    }
    jobs = new SegmentJobs(
      worker(`let n = 0
        port.on('message', ({ kind }) => {
          if (kind === 'close') return port.close()
          port.postMessage(n++ ? ${failing('Error: x')} : { refused: ${JSON.stringify(refused)} })
        })`)
    )
    await expect(jobs.run(jobOf({}))).rejects.toThrow(expect.objectContaining(refused))
    await expect(jobs.run(jobOf({}))).rejects.toThrow('a segment could not be made: Error: x')
  })

  it('has one job at a time, which the signal or close ends', async () => {
    jobs = new SegmentJobs(
      worker(`let busy = false
        port.on('message', ({ kind }) => {
          if (kind === 'close') return port.close()
          if (kind === 'job' && busy) port.postMessage(${failing('two at once')})
          busy = kind === 'job'
          if (kind === 'abort') {
            setTimeout(() => port.postMessage({ refused: { code: 'ABORTED', problem: '' } }), 20)
          }
        })`)
    )
    const stop = new AbortController()
    const first = jobs.run(jobOf({}), stop.signal)
    const [second, third] = [jobs.run(jobOf({})), jobs.run(jobOf({}))]
    setTimeout(() => stop.abort('enough'), 50)
    const aborted = expect.objectContaining({ code: 'ABORTED' })
    await expect(first).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED', cause: 'enough' })
    )
    const both = Promise.all([
      expect(second).rejects.toThrow(aborted),
      expect(third).rejects.toThrow(aborted)
    ])
    await new Promise(resolve => setTimeout(resolve, 30))
    await jobs.close()
    await both
    await expect(jobs.run(jobOf({}))).rejects.toThrow(aborted)
  })
})

const built = join(packageRoot(), 'dist/node/segment-worker.js')

describe.skipIf(!existsSync(built))('the thread of the built package', () => {
  let jobs: SegmentJobs
  let store: LmdbStore
  let paths: ReturnType<typeof newPaths>
  beforeEach(async () => {
    paths = newPaths()
    store = await LmdbStore.open(paths.store, { create: true })
    jobs = new SegmentJobs({ workerFile: built })
  })
  afterEach(async () => {
    await jobs.close()
    await store.close()
  })

  it('makes segments of what the store holds at the time', async () => {
    await writeDocuments(store, 1, documents(500))
    const flushed = (await jobs.run(jobOf({ paths }))).made!
    expect(flushed.record).toMatchObject({ firstSeq: 1, lastSeq: 500, numEntries: 500 })
    expect(flushed.segment.key(499)).toBe('500')
    expect(flushed.segment.memory.shared).toBeDefined()
    expect(flushed.seqs.entriesOf(7)).toEqual([6, 7])
    expect(flushed.columns.namespaceBits('')).toBe('all')
    const read = await openSegmentFiles(paths, flushed.record)
    expect(Buffer.compare(read.segment.bytes(), flushed.segment.bytes())).toBe(0)

    await removeDocuments(store, [1, 3])
    await writeDocuments(store, 501, documents(1))
    const { state, made } = await jobs.run(jobOf({ paths, file: '000002' }))
    expect(state).toEqual(store.snapshot().state)
    expect(made!.record).toMatchObject({ firstSeq: 2, lastSeq: 501, numEntries: 499 })
    expect(readdirSync(paths.segments).sort()).toEqual([
      '000001.columns',
      '000001.esp',
      '000002.columns',
      '000002.esp'
    ])
    const none = await jobs.run(jobOf({ paths, first: 700, last: 800 }))
    expect(none).toEqual({ state, made: undefined })
  })

  it('reads the file where memory is not shared', async () => {
    await writeDocuments(store, 1, documents(10))
    const build = { metric: 'dot', precision: 'float16', kernel: 'typescript' } as const
    const { made } = await jobs.run(jobOf({ paths, build }))
    expect(made!.segment.header).toMatchObject({ precision: 'float16', numDocuments: 10 })
  })

  it('gives errors back as ours, and stops', async () => {
    const nowhere = newPaths()
    await expect(jobs.run(jobOf({ paths: nowhere }))).rejects.toThrow(
      expect.objectContaining({ code: 'COLLECTION_NOT_FOUND' })
    )
    await writeDocuments(store, 1, documents(2000))
    writeFileSync(paths.segments, 'a file where a folder is due')
    await expect(jobs.run(jobOf({ paths }))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE', place: paths.segments })
    )
    const stop = new AbortController()
    const job = jobs.run(jobOf({ paths, last: 5000 }), stop.signal)
    stop.abort('enough')
    await expect(job).rejects.toThrow(expect.objectContaining({ code: 'ABORTED', cause: 'enough' }))
  })
})
