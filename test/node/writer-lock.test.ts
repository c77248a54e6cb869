import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { EsplanadeError } from '../../src/errors.ts'
import { type LockHolder, WriterLock } from '../../src/node/writer-lock.ts'
import { programFolder, writeProgram } from './store-programs.ts'

let programs: string
let folder: string
let path: string
beforeAll(() => {
  programs = programFolder()
})
afterAll(() => rmSync(programs, { recursive: true, force: true }))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-lock-'))
  path = join(folder, 'writer.lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const refusal = (promise: Promise<unknown>): Promise<EsplanadeError> =>
  promise.then(
    () => expect.fail('it was not refused'),
    error => {
      expect(error).toBeInstanceOf(EsplanadeError)
      return error
    }
  )

const readHolder = (): LockHolder => JSON.parse(readFileSync(path, 'utf8'))

/** The number of a process that has ended. */
const endedPid = (): number => spawnSync(process.execPath, ['--version']).pid

const holderOf = (change: Partial<LockHolder>): string =>
  JSON.stringify({
    pid: process.pid,
    host: hostname(),
    processStart: '',
    token: 'other',
    ...change
  })

it('is held until it is released', async () => {
  const lock = await WriterLock.acquire(path)
  expect(readHolder()).toEqual(lock.holder)
  expect(lock.holder).toMatchObject({ pid: process.pid, host: hostname() })
  expect(await lock.isHeld()).toBe(true)
  await lock.release()
  expect(await lock.isHeld()).toBe(false)
  expect(readdirSync(folder)).toEqual([])
  await (await WriterLock.acquire(path)).release()
})

it('refuses a second writer of the same process', async () => {
  const lock = await WriterLock.acquire(path)
  const error = await refusal(WriterLock.acquire(path, { place: 'my-collection' }))
  expect(error).toMatchObject({ code: 'COLLECTION_LOCKED', place: 'my-collection' })
  expect(error.message).toContain(`this process writes to it: pid ${process.pid}`)
  await lock.release()
})

it('refuses a second process with the pid of the first, until that is killed', async () => {
  const program = writeProgram(
    programs,
    'holder.js',
    `import { WriterLock } from './src/node/writer-lock.js'
    await WriterLock.acquire(process.argv[2])
    console.log('held')
    setInterval(() => {}, 1000)`
  )
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise(resolve => child.stdout.once('data', resolve))
  const error = await refusal(WriterLock.acquire(path))
  expect(error.code).toBe('COLLECTION_LOCKED')
  expect(error.message).toContain(`another process writes to it: pid ${child.pid} on this machine`)
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  const lock = await WriterLock.acquire(path)
  expect(readHolder().pid).toBe(process.pid)
  await lock.release()
  expect(readdirSync(folder)).toEqual([])
})

it('is taken over from a process whose number another has by now', async () => {
  // Ours is alive, but did not begin then.
  const { processStart } = (await releasedLock()).holder
  writeFileSync(path, holderOf({ processStart: `${processStart}9` }))
  if (processStart === '') return
  const lock = await WriterLock.acquire(path)
  expect(readHolder()).toEqual(lock.holder)
  await lock.release()
})

it('is not taken over from a living process that does not say when it began', async () => {
  writeFileSync(path, holderOf({ pid: process.ppid }))
  expect((await refusal(WriterLock.acquire(path))).code).toBe('COLLECTION_LOCKED')
})

it('refuses a holder on another host, and says what to do', async () => {
  writeFileSync(path, holderOf({ host: 'elsewhere', pid: endedPid() }))
  const error = await refusal(WriterLock.acquire(path))
  expect(error).toMatchObject({ code: 'COLLECTION_LOCKED' })
  expect(error.message).toContain('the host elsewhere')
  expect(error.remedy).toContain(`delete ${path}`)
})

it('takes over a file without content, or with any other, once its maker had time to write', async () => {
  const contents = ['', '{"pid": 1', 'null', '[]', '{"pid": "1"}', holderOf({ pid: -1 })]
  for (const content of contents) {
    writeFileSync(path, content)
    const before = new Date(Date.now() - 10_000)
    utimesSync(path, before, before)
    await (await WriterLock.acquire(path)).release()
  }
  // A new one is waited for: here it turns into the lock of another.
  writeFileSync(path, '')
  const acquiring = refusal(WriterLock.acquire(path))
  await new Promise(resolve => setTimeout(resolve, 50))
  writeFileSync(path, holderOf({ host: 'elsewhere' }))
  expect((await acquiring).code).toBe('COLLECTION_LOCKED')
})

it('is taken over although a process died while it took it over', async () => {
  writeFileSync(path, holderOf({ pid: endedPid() }))
  writeFileSync(`${path}.takeover`, holderOf({ pid: endedPid(), token: 'second' }))
  writeFileSync(`${path}.takeover.takeover`, holderOf({ pid: endedPid(), token: 'third' }))
  const lock = await WriterLock.acquire(path)
  expect(readdirSync(folder)).toEqual(['writer.lock'])
  await lock.release()
})

it('that was deleted or taken under its holder shows, and is not released for another', async () => {
  const lock = await WriterLock.acquire(path)
  const other = holderOf({ host: 'elsewhere' })
  writeFileSync(path, other)
  expect(await lock.isHeld()).toBe(false)
  await lock.release()
  expect(readFileSync(path, 'utf8')).toBe(other)
})

it('needs a folder that can be written to', async () => {
  const error = await refusal(WriterLock.acquire(join(folder, 'nowhere', 'writer.lock')))
  expect(error.code).toBe('FILE_UNWRITABLE')
})

it('has one holder at a time, when 20 processes want that of a dead one', async () => {
  // Each holder makes a file that must not be there yet, and removes it before it releases.
  const program = writeProgram(
    programs,
    'racer.js',
    `import { closeSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { WriterLock } from './src/node/writer-lock.js'
    const [path, dead] = process.argv.slice(2)
    const witness = path + '.witness'
    process.stdout.write('ready\\n')
    await new Promise(resolve => process.stdin.once('data', resolve))
    let rounds = 0
    for (const end = Date.now() + 1000; Date.now() < end; await sleep(Math.random() * 40)) {
      let lock
      try {
        lock = await WriterLock.acquire(path)
      } catch (error) {
        if (error.code !== 'COLLECTION_LOCKED') throw error
        continue
      }
      closeSync(openSync(witness, 'wx'))
      if (Math.random() < 0.5) await sleep(Math.random() * 3)
      unlinkSync(witness)
      rounds++
      // Half of the time the holder seems to have died.
      if (Math.random() < 0.5) await lock.release()
      else {
        const holder = JSON.parse(readFileSync(path, 'utf8'))
        if (holder.token !== lock.holder.token) throw new Error('the lock was lost')
        const dying = path + '.dying' + process.pid
        writeFileSync(dying, JSON.stringify({ ...holder, pid: Number(dead), token: 'dead' + Math.random() }))
        renameSync(dying, path)
        // The dead release nothing: the file does not name this holder any more.
        await lock.release()
      }
    }
    console.log(rounds)
    process.exit()`
  )
  const dead = endedPid()
  writeFileSync(path, holderOf({ pid: dead }))
  const racers = Array.from({ length: 20 }, () => {
    const child = spawn(process.execPath, [program, path, `${dead}`])
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.stderr.on('data', chunk => {
      output += chunk
    })
    const ready = new Promise(resolve => child.stdout.once('data', resolve))
    const ended = new Promise<string>(resolve => child.once('close', () => resolve(output)))
    return { child, ready, ended }
  })
  await Promise.all(racers.map(({ ready }) => ready))
  for (const { child } of racers) child.stdin.write('go\n')
  const outputs = await Promise.all(racers.map(({ ended }) => ended))
  for (const output of outputs) expect(output).toMatch(/^ready\n\d+\n$/)
  const rounds = outputs.map(output => Number(output.split('\n')[1]))
  expect(rounds.reduce((sum, count) => sum + count)).toBeGreaterThan(2)
})

async function releasedLock(): Promise<WriterLock> {
  const lock = await WriterLock.acquire(path)
  await lock.release()
  return lock
}
