import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Durability } from '../../src/collection/store.ts'
import { environmentOptions } from '../../src/node/lmdb-environment.ts'
import { GROUP_FLUSH_MS, LmdbStore } from '../../src/node/lmdb-store.ts'
import { runProgram } from '../run-program.ts'
import { programFolder, writeProgram } from './store-programs.ts'

let programs: string
let folder: string
beforeAll(() => {
  programs = programFolder()
})
afterAll(() => rmSync(programs, { recursive: true, force: true }))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-durability-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('lmdb is told to flush before it resolves a promise', async () => {
  expect(environmentOptions('DIR', 'sync', false)).toMatchObject({
    overlappingSync: false,
    noSync: false,
    noMetaSync: false
  })
  expect(environmentOptions('DIR', 'group', false)).toMatchObject({
    overlappingSync: false,
    noSync: false,
    noMetaSync: true
  })
})

/** Why system calls cannot be watched here, if they cannot. */
function straceMissing(): string | undefined {
  if (process.platform !== 'linux') return 'strace is a program of Linux'
  const { error, status } = spawnSync('strace', ['-f', 'true'])
  if (error !== undefined) return 'strace is not installed'
  return status === 0 ? undefined : 'strace is not permitted here'
}
const missing = straceMissing()

interface SystemCall {
  readonly name: string
  readonly file: string
  readonly text: string
}

/** System calls on `data.mdb` and the marks that the program writes, in the order of their ends. */
function systemCalls(durability: Durability): SystemCall[] {
  const program = writeProgram(
    programs,
    'acknowledge.js',
    `import { openSync, writeSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { LmdbStore } from './src/node/lmdb-store.js'
    const [directory, durability, marks] = process.argv.slice(2)
    const store = await LmdbStore.open(directory, { create: true, durability })
    const file = openSync(marks, 'w')
    for (let seq = 1; seq <= 5; seq++) {
      const document = { seq, namespace: '', key: 'k' + seq, text: 'x'.repeat(9000), metadata: {} }
      const added = [store.encode(document, { passages: [] })]
      writeSync(file, 'begin')
      await store.write({ added, removed: [] })
      writeSync(file, 'acknowledge')
      if (durability === 'group') await sleep(${2 * GROUP_FLUSH_MS})
    }
    await store.close()`
  )
  const trace = join(folder, 'trace')
  const calls = 'openat,write,writev,pwrite64,pwritev,fdatasync,fsync,msync'
  const { status, stderr } = runProgram('strace', [
    ...['-f', '-y', '-e', `trace=${calls}`, '-o', trace],
    ...[process.execPath, program, join(folder, 'store'), durability, join(folder, 'marks')]
  ])
  expect({ status, stderr }).toMatchObject({ status: 0 })
  return finishedCalls(readFileSync(trace, 'utf8'))
}

/** A call that another thread interrupts in the trace counts where it ends. */
function finishedCalls(trace: string): SystemCall[] {
  const unfinished = new Map<string, string>()
  const finished: SystemCall[] = []
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, rest)
      continue
    }
    const text = rest.startsWith('<...') ? `${unfinished.get(thread)} ${rest}` : rest
    const [, name = '', file = ''] = /^(\w+)\(\w+<([^>]*)>/.exec(text) ?? []
    finished.push({ name, file, text })
  }
  return finished
}

describe.skipIf(missing !== undefined)(`system calls${missing ? ` (${missing})` : ''}`, () => {
  it('sync: all is flushed before a batch is acknowledged', () => {
    const calls = systemCalls('sync')
    // The meta page goes through a descriptor whose writes return when the disk has them.
    const opened = calls.filter(
      ({ name, text }) => name === 'openat' && text.includes('data.mdb') && text.includes('O_DSYNC')
    )
    expect(opened).toHaveLength(1)
    const [, synchronous] = / = (\d+)</.exec(opened[0]!.text)!
    const batches = callsOfBatches(calls)
    expect(batches).toHaveLength(5)
    for (const batch of batches) {
      const flush = batch.findLastIndex(({ name }) => name === 'fdatasync')
      expect(batch[flush]?.text).toMatch(/= 0$/)
      expect(batch.slice(0, flush).some(({ name }) => name.includes('write'))).toBe(true)
      // After the flush of the pages: the meta page, and nothing else.
      const after = batch.slice(flush + 1)
      expect(after).toHaveLength(1)
      expect(after[0]!.text).toMatch(new RegExp(`^pwrite64\\(${synchronous}<`))
    }
  })

  it('group: the pages are flushed before, the meta page soon after', () => {
    const calls = systemCalls('group')
    for (const batch of callsOfBatches(calls)) {
      expect(batch.at(-2)?.name).toBe('fdatasync')
      expect(batch.at(-1)?.name).toBe('pwrite64')
    }
    const marks = calls.flatMap(({ file }, i) => (file.endsWith('marks') ? [i] : []))
    for (const [i, mark] of marks.entries()) {
      if (!calls[mark]!.text.includes('acknowledge')) continue
      const idle = calls.slice(mark + 1, marks[i + 1])
      expect(idle.filter(({ name }) => name === 'fdatasync').length).toBeGreaterThan(0)
    }
  })
})

/** What was done to `data.mdb` between the begin and the acknowledgement of each batch. */
function callsOfBatches(calls: readonly SystemCall[]): SystemCall[][] {
  const batches: SystemCall[][] = []
  let batch: SystemCall[] | undefined
  for (const call of calls) {
    if (call.file.endsWith('marks')) {
      if (call.text.includes('begin')) batch = []
      else if (batch !== undefined) batches.push(batch)
      if (call.text.includes('acknowledge')) batch = undefined
    } else if (call.file.endsWith('data.mdb')) batch?.push(call)
  }
  return batches
}

describe('a killed process', () => {
  it.each(['sync', 'group'] as const)('%s: loses nothing that was acknowledged', durability => {
    const program = writeProgram(
      programs,
      'killed.js',
      `import { writeSync } from 'node:fs'
      import { LmdbStore } from './src/node/lmdb-store.js'
      const store = await LmdbStore.open(process.argv[2], { create: true, durability: process.argv[3] })
      for (let seq = 1; ; seq++) {
        const document = { seq, namespace: '', key: 'k' + seq, text: 'x'.repeat(5000), metadata: {} }
        await store.write({ added: [store.encode(document, { passages: [] })], removed: [] })
        writeSync(1, seq + ' ')
        if (seq === 40) process.kill(process.pid, 'SIGKILL')
      }`
    )
    const { stdout } = runProgram(process.execPath, [program, join(folder, 'store'), durability])
    expect(stdout.trim().split(' ')).toHaveLength(40)
    return withStore(join(folder, 'store'), store => {
      const snapshot = store.snapshot()
      expect(snapshot.state.numDocuments).toBe(40)
      for (let seq = 1; seq <= 40; seq++) expect(snapshot.document(seq)?.key).toBe(`k${seq}`)
      snapshot.close()
    })
  })
})

/** Writes until there is no room, then what there is room for; prints what came of it. */
const FULL = `import { LmdbStore } from './src/node/lmdb-store.js'
  const store = await LmdbStore.open(process.argv[2], { create: true })
  let seq = 0
  const write = async (count, length) => {
    const added = []
    for (let i = 0; i < count; i++) {
      const text = 'x'.repeat(length)
      const document = { seq: ++seq, namespace: '', key: 'k' + seq, text, metadata: {} }
      added.push(store.encode(document, { passages: [] }))
    }
    await store.write({ added, removed: [] })
  }
  await write(10, 1000)
  const before = store.snapshot()
  const codes = []
  for (let i = 0; i < 3; i++) {
    await write(50, 100000).catch(error => codes.push(error.code + ': ' + error.problem))
    const { numDocuments, lastSeq } = store.snapshot().state
    codes.push([numDocuments, lastSeq, before.state.numDocuments].join())
  }
  await write(5, 1000)
  const last = store.snapshot()
  codes.push(last.state.numDocuments, [...last.seqs(1, 1e6)].length, [...last.keys('')].length)
  for (const number of last.seqs(1, 1e6)) if (last.document(number).text.length !== 1000) codes.push('torn')
  await store.close()
  console.log(JSON.stringify(codes))`

describe('no room', () => {
  it.skipIf(process.platform === 'win32')(
    'behind a limit: nothing is lost, and it goes on',
    async () => {
      const program = writeProgram(programs, 'full.js', FULL)
      // Without the trap a file that grows past the limit ends the process.
      const { stdout, stderr } = runProgram('sh', [
        '-c',
        'trap "" XFSZ; ulimit -f 4096; exec "$@"',
        ...['sh', process.execPath, program, join(folder, 'store')]
      ])
      expect({ stdout: stdout && JSON.parse(stdout), stderr }).toMatchObject({
        stdout: [
          expect.stringMatching(/^FILE_UNWRITABLE: /),
          '10,10,10',
          expect.stringMatching(/^FILE_UNWRITABLE: /),
          '10,10,10',
          expect.stringMatching(/^FILE_UNWRITABLE: /),
          '10,10,10',
          15,
          15,
          15
        ]
      })
      await withStore(join(folder, 'store'), store => {
        const snapshot = store.snapshot()
        expect(snapshot.state.numDocuments).toBe(15)
        snapshot.close()
      })
    }
  )

  it('on the disk is an error that says so', ({ skip }) => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    const mounted = existsSync('/proc/mounts')
      ? spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status
      : 1
    if (mounted !== 0) return skip('a small file system cannot be mounted here')
    try {
      const program = writeProgram(programs, 'full.js', FULL)
      const { stdout } = runProgram(process.execPath, [program, join(disk, 'store')])
      const full = 'FILE_UNWRITABLE: the disk is full'
      expect(JSON.parse(stdout)).toEqual(
        [full, '10,10,10', full, '10,10,10', full, '10,10,10'].concat([15, 15, 15] as never)
      )
    } finally {
      spawnSync('umount', [disk])
    }
  })
})

async function withStore(directory: string, use: (store: LmdbStore) => void): Promise<void> {
  const store = await LmdbStore.open(directory)
  try {
    use(store)
  } finally {
    await store.close()
  }
}
