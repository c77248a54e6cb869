import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FakeHub, sha256 } from '../node/hub/fake-hub.ts'
import { cliFolder } from './cli-folder.ts'
import { type CliResult, jsonLines, runCli } from './run-cli.ts'

const golden = fileURLToPath(new URL('../golden/families/bert/', import.meta.url))
const files = Object.fromEntries(
  ['config.json', 'tokenizer.json', 'model.safetensors'].map(name => [
    name,
    readFileSync(join(golden, name))
  ])
)
const weights = files['model.safetensors']!
const folder = cliFolder()
let hub: FakeHub
beforeAll(async () => {
  hub = await FakeHub.start({
    'org/splade': { files: { ...files, 'README.md': 'Not fetched.' }, tags: ['v1'] },
    'org/private': { files, access: 'private' }
  })
})
afterAll(() => hub.close())

function run(args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  return runCli(args, {
    env: {
      HF_ENDPOINT: hub.endpoint,
      HF_HUB_CACHE: folder.at('cache'),
      HF_HOME: folder.at('home'),
      HF_TOKEN: '',
      HF_TOKEN_PATH: folder.at('no-token'),
      HF_HUB_OFFLINE: '',
      ...env
    }
  })
}

const blobs = () => folder.at('cache', 'models--org--splade', 'blobs')

test('pull, list, path: a model comes to this machine and is found there', async () => {
  const commit = hub.commitOf('org/splade')
  const short = commit.slice(0, 8)
  const path = folder.at('cache', 'models--org--splade', 'snapshots', commit)
  const pulled = await run(['models', 'pull', 'org/splade', '--revision', 'v1'])
  expect(pulled.stdout).toBe(`${path}\n`)
  expect(pulled.stderr).toMatch(/^org\/splade@[0-9a-f]{8}: 3 files, [\d.]+ kB; 3 fetched\n$/)
  expect((await run(['models', 'pull', 'org/splade'])).stderr).toContain('all were there')
  const { stdout } = await run(['models', 'list'])
  expect(stdout).toMatch(/^splade-tiny +18\.4 MB +shipped .*models.splade-tiny\n/)
  expect(stdout).toMatch(new RegExp(`\\norg/splade +[\\d.]+ kB {2}${short} main v1 +${path}\\n$`))
  const [shipped, fetched] = jsonLines(await run(['models', 'list', '--json']))
  expect(shipped).toMatchObject({ name: 'splade-tiny', origin: 'shipped' })
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 0)
  expect(fetched).toEqual({
    name: 'org/splade',
    origin: 'hub',
    revision: commit,
    refs: ['main', 'v1'],
    path,
    numFiles: 3,
    bytes
  })
  const found = await Promise.all(
    [[], ['--revision', 'v1'], ['--revision', commit]].map(revision =>
      run(['models', 'path', 'org/splade', ...revision])
    )
  )
  expect(found.map(({ stdout }) => stdout)).toEqual(Array(3).fill(`${path}\n`))
  expect((await run(['models', 'path', 'splade-tiny'])).stdout).toBe(`${shipped!.path}\n`)
})

test('commands load it by name, offline too', async () => {
  const online = await run(['expand', 'harbour', '--model', 'org/splade', '--json'])
  expect(jsonLines(online)[0]).toMatchObject({ model: 'org/splade' })
  hub.reset()
  const args = ['expand', 'harbour', '--model', 'org/splade', '--revision', 'v1', '--json']
  const offline = await run(args, { HF_HUB_OFFLINE: '1' })
  expect(offline.stdout).toBe(online.stdout)
  expect(hub.requests).toEqual([])
  const unknown = await run(['expand', 'harbour', '--model', 'org/other'], { HF_HUB_OFFLINE: '1' })
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toMatch(/not in the cache .* offline.*\[MODEL_NOT_FOUND\]\n$/)
})

test('a collection is made with it, and searched by another process', async () => {
  const input = folder.write('texts.jsonl', '{"_id": "a", "text": "boats in the harbour"}\n')
  const model = ['--model', 'org/splade', '--revision', 'v1']
  const indexed = await run(['index', input, '--to', folder.at('texts'), ...model])
  expect(indexed.stderr).toContain('1 document indexed')
  const found = await run(['search', folder.at('texts'), 'harbour', '--json'])
  expect(jsonLines(found)).toMatchObject([{ key: 'a' }])
  const { model: recorded } = jsonLines(await run(['inspect', folder.at('texts'), '--json']))[0]!
  expect(recorded).toMatchObject({ source: 'org/splade', revision: hub.commitOf('org/splade') })
})

test('verify finds what is damaged, and pull repairs it', async () => {
  const right = await run(['models', 'verify'])
  expect(right).toMatchObject({ code: 0, stderr: '' })
  expect(right.stdout).toMatch(/^org\/splade@[0-9a-f]{8}: 3 files, .*, as the hub lists them\n$/)
  const flipped = Buffer.from(weights)
  flipped[flipped.length - 1]! ^= 1
  writeFileSync(join(blobs(), sha256(weights)), flipped)
  const wrong = await run(['models', 'verify', 'org/splade'])
  expect(wrong.code).toBe(1)
  expect(wrong.stdout).toContain('damaged: model.safetensors\n')
  expect(wrong.stdout).toContain('esplanade models pull org/splade --revision')
  const pulled = await run(['models', 'pull', 'org/splade'])
  expect(pulled.stderr).toContain('; 1 fetched')
  rmSync(join(blobs(), sha256(weights)))
  const lost = await run(['models', 'verify', 'org/splade', '--json'])
  expect(jsonLines(lost)).toMatchObject([{ damaged: ['model.safetensors'], unchecked: [] }])
  await run(['models', 'pull', 'org/splade'])
  expect((await run(['models', 'verify'])).code).toBe(0)
})

test('remove takes a commit, or all, and says what that frees', async () => {
  const before = hub.commitOf('org/splade')
  hub.set('org/splade', { files: { ...files, 'config.json': `${files['config.json']} ` } })
  const after = hub.commitOf('org/splade')
  await run(['models', 'pull', 'org/splade'])
  expect(readdirSync(blobs())).toHaveLength(4)
  const old = await run(['models', 'remove', 'org/splade', '--revision', before])
  // The large files are those of the other commit, too.
  const small = files['config.json']!.length
  expect(old.stdout).toBe(`removed org/splade (${before.slice(0, 8)}): ${small} B freed\n`)
  expect(readdirSync(blobs())).toHaveLength(3)
  expect((await run(['models', 'verify'])).code).toBe(0)
  const [rest] = jsonLines(await run(['models', 'remove', 'org/splade', '--json']))
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 1)
  expect(rest).toEqual({ name: 'org/splade', revisions: [after], bytesFreed: bytes })
  expect(readdirSync(folder.at('cache'))).toEqual(['.locks'])
  const gone = await run(['models', 'remove', 'org/splade'])
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('is not in the cache') })
  expect((await run(['models', 'path', 'org/splade'])).stderr).toContain('models pull org/splade')
})

test('wrong names and closed doors are told from each other', async () => {
  const cases = [
    ['splade-tiny', 2, 'is no name of a model on the hub'],
    ['org/splde', 1, 'no public model'],
    ['org/private', 1, 'Set HF_TOKEN']
  ] as const
  const results = await Promise.all(cases.map(([name]) => run(['models', 'pull', name])))
  for (const [i, [, code, text]] of cases.entries()) {
    expect(results[i]).toMatchObject({ code, stderr: expect.stringContaining(text) })
  }
  const opened = await run(['models', 'pull', 'org/private'], { HF_TOKEN: hub.token })
  expect(opened.code).toBe(0)
  const misnamed = await run(['expand', 'harbour', '--model', 'splade-v3'])
  expect(misnamed.stderr).toContain('naver/splade-v3')
})
