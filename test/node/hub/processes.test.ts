import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { sha256 } from './fake-hub.ts'
import { hubFixture, noise } from './hub-fixture.ts'

/** Processes of their own: the command line, which `npm test` builds. */
const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

const weights = noise(600_000)
const fixture = hubFixture({
  'org/name': { files: { 'config.json': '{}', 'model.safetensors': weights } }
})
const folder = () => join(fixture.cacheDir, 'models--org--name')
const partial = () => join(folder(), 'blobs', `${sha256(weights)}.esplanade.incomplete`)

interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(
  args: readonly string[],
  { uid, ...environment }: { uid?: number; HF_HUB_OFFLINE?: string } = {}
): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(process.execPath, [main, 'models', ...args], {
    env: {
      PATH: process.env.PATH,
      HF_HOME: join(fixture.cacheDir, 'home'),
      HF_HUB_CACHE: fixture.cacheDir,
      HF_ENDPOINT: fixture.hub.endpoint,
      ...environment
    },
    ...(uid !== undefined && { uid })
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => {
    stdout += text
  })
  child.stderr.on('data', text => {
    stderr += text
  })
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
  })
  return { child, finished }
}

const pull = () => start(['pull', 'org/name'])

/** The bytes of the incomplete file, when it has as many as were waited for. */
async function arrived(atLeast: number): Promise<number> {
  for (;;) {
    const size = existsSync(partial()) ? statSync(partial()).size : 0
    if (size >= atLeast) return size
    await sleep(10)
  }
}

test('of processes that fetch at once, one does, and the others wait for it', async () => {
  fixture.hub.fault = ({ server }) => (server === 'files' ? { pauseMs: 30 } : undefined)
  const all = await Promise.all([pull().finished, pull().finished, pull().finished])
  const path = join(folder(), 'snapshots', fixture.hub.commitOf('org/name'))
  for (const { code, stdout } of all)
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${path}\n` })
  expect(fixture.hub.requestsOf('model.safetensors')).toHaveLength(1)
  expect(fixture.hub.numBytesSent).toBe(weights.length)
  expect(readdirSync(join(folder(), 'blobs'))).toHaveLength(2)
})

test('what a killed process has fetched is gone on with, and never taken for the file', async () => {
  fixture.hub.fault = ({ server }) => (server === 'files' ? { pauseMs: 60 } : undefined)
  for (const least of [50_000, 200_000]) {
    const { child, finished } = pull()
    await arrived(least)
    child.kill('SIGKILL')
    await finished
    const offline = await start(['path', 'org/name'], { HF_HUB_OFFLINE: '1' }).finished
    expect(existsSync(join(offline.stdout.trim(), 'model.safetensors'))).toBe(false)
  }
  const had = statSync(partial()).size
  fixture.hub.fault = () => undefined
  const { code, stderr } = await pull().finished
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringContaining('2 files, 600.0 kB; 1 fetched')
  })
  const [first, second, last] = fixture.hub
    .requestsOf('model.safetensors')
    .map(({ range }) => range)
  expect(first).toBeUndefined()
  expect(second).toMatch(/^bytes=\d+-$/)
  expect(last).toBe(`bytes=${had}-`)
  expect((await start(['verify']).finished).stdout).toContain('as the hub lists them')
})

test('a process that waits takes over from one that is killed', async () => {
  fixture.hub.fault = ({ server }) => (server === 'files' ? { pauseMs: 300 } : undefined)
  const first = pull()
  await arrived(50_000)
  const second = pull()
  await sleep(700)
  fixture.hub.fault = () => undefined
  first.child.kill('SIGKILL')
  await first.finished
  expect((await second.finished).code).toBe(0)
  const [, resumed] = fixture.hub.requestsOf('model.safetensors')
  expect(resumed!.range).toMatch(/^bytes=\d+-$/)
})

test('a cache that cannot be written is read, and named where something is missing', async () => {
  const isRoot = process.getuid?.() === 0
  // Nobody, to whom permissions mean something.
  const options = isRoot ? { uid: 65_534 } : {}
  mkdirSync(fixture.cacheDir, { recursive: true })
  await (await fixture.open('org/name')).read('config.json')
  for (const path of ['', ...readdirSync(fixture.cacheDir, { recursive: true }).map(String)]) {
    const place = join(fixture.cacheDir, path)
    chmodSync(place, statSync(place).isDirectory() ? 0o555 : 0o444)
  }
  try {
    const { code, stderr } = await start(['pull', 'org/name'], options).finished
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('[FILE_UNWRITABLE]')
    })
    expect(stderr).toContain(fixture.cacheDir)
    const found = await start(['path', 'org/name'], options).finished
    expect(existsSync(join(found.stdout.trim(), 'config.json'))).toBe(true)
  } finally {
    for (const path of ['', ...readdirSync(fixture.cacheDir, { recursive: true }).map(String)]) {
      chmodSync(join(fixture.cacheDir, path), 0o755)
    }
  }
})
