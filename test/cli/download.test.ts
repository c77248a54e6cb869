import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { FakeZipServer, md5 } from '../node/datasets/fake-zip-server.ts'
import { harbourFiles, zipped } from '../node/datasets/harbour-zip.ts'
import { noise } from '../node/hub/hub-fixture.ts'
import { cliFolder } from './cli-folder.ts'
import { jsonLines, runCli, startCli } from './run-cli.ts'

/** Large enough to be interrupted. */
const zip = zipped('harbour', { ...harbourFiles, 'noise.bin': noise(600_000) })
const folder = cliFolder()
let server: FakeZipServer
beforeAll(async () => {
  server = await FakeZipServer.start()
})
afterAll(() => server.close())
beforeEach(() => {
  server.reset()
  server.files.set('harbour.zip', zip)
})

const args = (to: string) => [
  ...['download', 'harbour', '--to', folder.at(to)],
  ...['--from', server.url, '--md5', md5(zip)]
]

test('a data set comes, and the command that is named next indexes it', async () => {
  const { code, stdout, stderr } = await runCli(args('data'), { cwd: folder.at() })
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${join('data', 'harbour')}\n` })
  const lines = stderr.trimEnd().split('\n')
  expect(lines).toEqual([
    'harbour is complete',
    'it may have a licence of its own: ask where it comes from',
    `next: esplanade index ${join('data', 'harbour')} --to harbour.esplanade`
  ])
  const [, ...next] = lines[2]!.replace('next: ', '').split(' ')
  const indexed = await runCli(next, { cwd: folder.at() })
  expect(indexed.stderr).toContain('3 documents indexed')
  const again = await runCli([...args('data'), '--json'])
  expect(jsonLines(again)).toEqual([
    {
      name: 'harbour',
      path: folder.at('data', 'harbour'),
      isNew: false,
      corpora: [folder.at('data', 'harbour')]
    }
  ])
  expect((await runCli(args('data'))).stderr).toContain('was there already; nothing was fetched')
  expect(server.ranges).toHaveLength(1)
})

test('--list shows what there is, and asks nobody', async () => {
  const { stdout, stderr } = await runCli(['download', '--list'])
  expect(stdout.trimEnd().split('\n')).toHaveLength(15)
  expect(stdout).toMatch(
    /^scifact +2\.8 MB +5,000 documents +300 queries {2}train test +https:\/\/github\.com\/allenai\/scifact$/m
  )
  expect(stderr).toContain('licence of its own')
  const listed = jsonLines(await runCli(['download', '--list', '--json']))
  expect(listed.find(({ name }) => name === 'scifact')).toMatchObject({
    md5: '5f7d1de60b170fc8027bb7898e2efca1',
    splits: ['train', 'test']
  })
})

test('a name that is not known is refused, with the nearest that is', async () => {
  const { code, stderr } = await runCli(['download', 'scifct', '--to', folder.at('none')])
  expect(code).toBe(2)
  expect(stderr).toMatch(/; perhaps scifact is meant\. Expected msmarco, .*\[INVALID_ARGUMENT\]\n$/)
  expect((await runCli(['download'])).code).toBe(2)
  expect(existsSync(folder.at('none'))).toBe(false)
})

test('a mirror of the environment that has another file, or none, is told apart', async () => {
  const env = { ESPLANADE_DATASETS_URL: server.url }
  const absent = await runCli(['download', 'scifact', '--to', folder.at('mirror')], { env })
  expect(absent).toMatchObject({ code: 1, stdout: '' })
  expect(absent.stderr).toMatch(/has no file scifact\.zip\. See https.*\[DOWNLOAD_FAILED\]\n$/)
  server.files.set('scifact.zip', zip)
  const other = await runCli(['download', 'scifact', '--to', folder.at('mirror')], { env })
  expect(other.code).toBe(1)
  expect(other.stderr).toContain(`its checksum is ${md5(zip)}`)
  expect(other.stderr).toContain('the MD5 sum 5f7d1de60b170fc8027bb7898e2efca1')
  expect(readdirSync(folder.at('mirror'))).toEqual([])
})

/** Waits until so many bytes have arrived. */
async function arrived(place: string, atLeast: number): Promise<number> {
  const partial = join(place, 'harbour.zip.partial')
  for (;;) {
    const size = existsSync(partial) ? statSync(partial).size : 0
    if (size >= atLeast) return size
    await sleep(10)
  }
}

test.each(['SIGKILL', 'SIGINT'] as const)('after %s it goes on where it was', async signal => {
  const place = folder.at(signal)
  server.fault = { pauseMs: 60 }
  for (const least of [50_000, 200_000]) {
    const { child, finished } = startCli(args(signal))
    await arrived(place, least)
    child.kill(signal)
    const { code, stderr } = await finished
    if (signal === 'SIGKILL') expect(code).toBeNull()
    else expect(stderr).toMatch(/stopping …\n.*the same command goes on with it \[ABORTED\]\n$/)
    expect(existsSync(join(place, 'harbour'))).toBe(false)
  }
  const had = statSync(join(place, 'harbour.zip.partial')).size
  server.fault = undefined
  expect(await runCli(args(signal))).toMatchObject({ code: 0 })
  const [first, second, third] = server.ranges
  expect(first).toBeUndefined()
  expect(second).toMatch(/^bytes=\d{5,}-$/)
  expect(third).toBe(`bytes=${had}-`)
  expect(readdirSync(place)).toEqual(['harbour'])
})
