import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DownloadProgress } from '../../../src/encoder/sparse-encoder.ts'
import { type Fault, type SeenRequest, sha256 } from './fake-hub.ts'
import { hubFixture, noise } from './hub-fixture.ts'

const weights = noise(200_000)
const fixture = hubFixture({
  'org/name': { files: { 'config.json': '{"a": 1}', 'model.safetensors': weights, empty: '' } },
  'org/private': { files: { 'config.json': '{}' }, access: 'private' },
  'org/gated': { files: { 'config.json': '{}', 'model.safetensors': weights }, access: 'gated' }
})

const isFile = ({ server }: SeenRequest) => server === 'files'
const ranges = () => fixture.hub.requestsOf('model.safetensors').map(({ range }) => range)
const blobs = () => readdirSync(join(fixture.cacheDir, 'models--org--name', 'blobs'))
const partial = `${sha256(weights)}.esplanade.incomplete`

/** Faults for requests of the large file, one after the other; then none. */
function faults(...list: (Fault | undefined)[]): (request: SeenRequest) => Fault | undefined {
  return request => (isFile(request) ? list.shift() : undefined)
}

async function expectWhole(): Promise<void> {
  const model = await fixture.open('org/name')
  const bytes = await model.read('model.safetensors')
  expect(Buffer.from(weights).equals(Buffer.from(bytes!))).toBe(true)
  expect(blobs()).toEqual([sha256(weights)])
}

describe('a download', () => {
  test('that is cut goes on from there', async () => {
    fixture.hub.fault = faults({ cutAfter: 70_000 }, { cutAfter: 50_000 })
    await expectWhole()
    const [first, second, third] = ranges().map(range => Number(range?.match(/\d+/)?.[0] ?? 0))
    // The client may not have read all that had arrived when the connection broke.
    expect(first).toBe(0)
    expect(second).toBeGreaterThan(0)
    expect(second).toBeLessThanOrEqual(70_000)
    expect(third).toBeGreaterThanOrEqual(second!)
    expect(third).toBeLessThanOrEqual(second! + 50_000)
    expect(fixture.hub.numBytesSent).toBe(70_000 + 50_000 + weights.length - third!)
  })

  test('may be cut anywhere', async () => {
    let numRuns = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 3 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        async (cuts, seed) => {
          const content = noise(100_000, seed)
          fixture.hub.reset()
          fixture.hub.set('org/name', { files: { 'model.safetensors': content } })
          fixture.hub.fault = faults(...cuts.map(cutAfter => ({ cutAfter })))
          const cacheDir = join(fixture.cacheDir, `run-${++numRuns}`)
          const model = await fixture.open('org/name', { cacheDir })
          const bytes = await model.read('model.safetensors')
          expect(sha256(bytes!)).toBe(sha256(content))
          expect(ranges()).toHaveLength(cuts.length + 1)
        }
      ),
      { numRuns: 5 }
    )
  })

  test('begins anew where the server knows no ranges', async () => {
    fixture.hub.fault = faults({ cutAfter: 70_000 }, { ignoreRange: true })
    await expectWhole()
  })

  test('is given up after five failures without a byte', async () => {
    fixture.hub.fault = request => (isFile(request) ? { status: 503 } : undefined)
    const model = await fixture.open('org/name')
    await expect(model.read('model.safetensors')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/status 503.*HF_ENDPOINT/)
    })
    expect(ranges()).toHaveLength(5)
    fixture.hub.fault = () => undefined
    await expectWhole()
  })

  test('waits as long as the server asks for, unless that is too long', async () => {
    const busy = (seconds: string) => ({ status: 429, headers: { 'retry-after': seconds } })
    fixture.hub.fault = faults(busy('1'))
    const started = performance.now()
    await expectWhole()
    expect(performance.now() - started).toBeGreaterThan(990)
    fixture.hub.fault = ({ path }) => (path.includes('/revision/') ? busy('3600') : undefined)
    const asked = performance.now()
    await expect(fixture.open('org/name', { revision: 'new' })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('429')
    })
    expect(performance.now() - asked).toBeLessThan(900)
  })

  test('with wrong bytes is fetched once more, and refused if they stay wrong', async () => {
    const wrong = { bytes: weights.map(byte => byte ^ 1) }
    fixture.hub.fault = faults(wrong)
    await expectWhole()
    fixture.hub.set('org/name', { files: { 'model.safetensors': noise(200_000, 2) } })
    fixture.hub.fault = request => (isFile(request) ? wrong : undefined)
    const model = await fixture.open('org/name')
    await expect(model.read('model.safetensors')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/checksum is [0-9a-f]{64}.*Expected 200000 bytes/)
    })
  })

  test('of a small file is checked as well', async () => {
    fixture.hub.fault = ({ path }) =>
      path.startsWith('/api/resolve-cache') ? { bytes: Buffer.from('{"a": 2}') } : undefined
    const model = await fixture.open('org/name')
    await expect(model.read('config.json')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
    fixture.hub.fault = () => undefined
    expect(new TextDecoder().decode(await model.read('config.json'))).toBe('{"a": 1}')
    expect(await model.read('empty')).toHaveLength(0)
  })

  test('stops where more arrives than is listed, and does not end where less does', async () => {
    fixture.hub.fault = request => (isFile(request) ? { bytes: noise(300_000) } : undefined)
    const model = await fixture.open('org/name')
    await expect(model.read('model.safetensors')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('more than 200000 bytes')
    })
    fixture.hub.fault = request =>
      isFile(request) ? { bytes: weights.subarray(0, 9e4) } : undefined
    await expect(model.read('model.safetensors')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
    expect(blobs()).toEqual([partial])
  })

  test('of a file that the server links to another is refused before a byte', async () => {
    const commit = fixture.hub.commitOf('org/name')
    const other = {
      'x-linked-etag': `"${'0'.repeat(64)}"`,
      location: `http://${fixture.hub.filesHost}/org/name@${commit}/model.safetensors?signed=1`
    }
    fixture.hub.fault = ({ path }) =>
      path.includes('/resolve/') ? { status: 302, headers: other } : undefined
    const model = await fixture.open('org/name')
    await expect(model.read('model.safetensors')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
    expect(readFileSync(join(fixture.cacheDir, 'models--org--name/blobs', partial))).toHaveLength(0)
  })

  test('goes on with what another process has left, even if that is wrong', async () => {
    const model = await fixture.open('org/name')
    await model.read('config.json')
    const path = join(fixture.cacheDir, 'models--org--name', 'blobs', partial)
    writeFileSync(path, weights.subarray(0, 150_000))
    await model.read('model.safetensors')
    expect(ranges()).toEqual(['bytes=150000-'])
    for (const left of [noise(150_000, 3), weights, noise(200_000, 4), noise(300_000, 5)]) {
      fixture.hub.set('org/name', { files: { 'model.safetensors': noise(200_000, 6) } })
      const other = sha256(noise(200_000, 6))
      writeFileSync(path.replace(partial, `${other}.esplanade.incomplete`), left)
      const again = await fixture.open('org/name')
      expect(sha256((await again.read('model.safetensors'))!)).toBe(other)
      fixture.hub.set('org/name', { files: { 'model.safetensors': weights } })
    }
  })

  test('from a server that falls silent goes on with another connection', async () => {
    fixture.hub.fault = faults({ silent: true })
    const model = await fixture.open('org/name', {}, { HF_HUB_DOWNLOAD_TIMEOUT: '0.3' })
    expect(await model.read('model.safetensors')).toHaveLength(weights.length)
    expect(ranges()).toEqual([undefined, 'bytes=16384-'])
  })

  test('from a slow server tells how far it is, and may be stopped', async () => {
    fixture.hub.fault = request => (isFile(request) ? { pauseMs: 30 } : undefined)
    const heard: DownloadProgress[] = []
    const stop = new AbortController()
    const onDownload = (progress: DownloadProgress) => {
      heard.push(progress)
      if (progress.done > 60_000) stop.abort()
    }
    const model = await fixture.open('org/name', { onDownload, signal: stop.signal })
    await expect(model.read('model.safetensors')).rejects.toMatchObject({ code: 'ABORTED' })
    const arrived = heard.at(-1)!.done
    expect(arrived).toBeLessThan(weights.length)
    fixture.hub.reset()
    const again = await fixture.open('org/name', { onDownload: progress => heard.push(progress) })
    await again.read('model.safetensors')
    expect(ranges()[0]).toMatch(/^bytes=[1-9]\d+-$/)
    expect(heard.map(({ done }) => done)).toEqual(
      heard.map(({ done }) => done).sort((a, b) => a - b)
    )
    const total = weights.length
    expect(heard.at(-1)).toEqual({
      model: 'org/name',
      file: 'model.safetensors',
      done: total,
      total
    })
    expect(heard.filter(({ done }) => done === total)).toHaveLength(1)
  })

  test('is not begun where the disk has no room for it', async () => {
    fixture.hub.alterEntry = entry =>
      entry.lfs ? { ...entry, lfs: { oid: sha256(weights), size: 2 ** 52 } } : entry
    const model = await fixture.open('org/name')
    await expect(model.read('model.safetensors')).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      message: expect.stringMatching(/has 4503599627370496 bytes, and the disk has \d+ free/)
    })
    expect(fixture.hub.requestsOf('model.safetensors')).toEqual([])
  })
})

describe('a token', () => {
  const authorizations = () => [
    ...new Set(
      fixture.hub.requests.map(({ server, authorization }) => `${server} ${authorization}`)
    )
  ]

  test('opens private models, and is sent to the hub only', async () => {
    for (const [options, environment] of [
      [{ token: fixture.hub.token }, {}],
      [{}, { HF_TOKEN: `${fixture.hub.token}\n` }],
      [{}, { HUGGING_FACE_HUB_TOKEN: fixture.hub.token }],
      [{}, { HF_TOKEN_PATH: join(fixture.cacheDir, 'token') }],
      [{}, { HF_TOKEN_PATH: '', HF_HOME: fixture.cacheDir }]
    ] as const) {
      writeFileSync(join(fixture.cacheDir, 'token'), `${fixture.hub.token}\n`)
      const model = await fixture.open('org/private', options, environment)
      expect(await model.read('config.json')).toBeDefined()
      const public_ = await fixture.open('org/name', options, environment)
      await public_.read('model.safetensors')
    }
    expect(authorizations().sort()).toEqual(['files undefined', 'hub Bearer hf_right'])
  })

  test('that is missing or wrong is named, and never shown', async () => {
    await expect(fixture.open('org/private')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(/no public model.*Check the name.*HF_TOKEN/)
    })
    const wrong = fixture.open('org/name', {}, { HF_TOKEN: 'hf_wrong' })
    await expect(wrong).rejects.toMatchObject({
      code: 'MODEL_FORBIDDEN',
      message: expect.stringContaining('the token of HF_TOKEN')
    })
    await expect(wrong).rejects.not.toThrow(/hf_wrong/)
    await expect(fixture.open('org/nme', { token: fixture.hub.token })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(/the option token.*Check the name/)
    })
    await expect(fixture.open('org/name', { token: 'a\u0000b' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
  })

  test('does not open a gated model before its terms are accepted', async () => {
    const stranger = await fixture.open('org/gated')
    await expect(stranger.read('config.json')).rejects.toMatchObject({
      code: 'MODEL_FORBIDDEN',
      message: expect.stringMatching(/gated.*accept its terms on .*\/org\/gated.*HF_TOKEN/)
    })
    const model = await fixture.open('org/gated', { token: fixture.hub.token })
    await expect(model.read('config.json')).rejects.toMatchObject({
      code: 'MODEL_FORBIDDEN',
      message: expect.stringContaining('accept its terms on')
    })
    fixture.hub.hasAccepted = true
    expect(await model.read('config.json')).toBeDefined()
  })
})

describe('a hostile hub', () => {
  const outside = '../../../../outside'

  test.each([
    outside,
    '/tmp/outside',
    'a/../../b',
    'C:\\outside',
    '..\\outside',
    'a//b',
    '.. /outside',
    'nul\u0000'
  ])('lists %j, which does not exist for us', async path => {
    fixture.hub.alterEntry = entry => ({ ...entry, path })
    const model = await fixture.open('org/name')
    expect([...model.tree!.keys()]).toEqual([])
    expect(await model.read(path)).toBeUndefined()
  })

  test('gives checksums that are paths, and sizes that are none', async () => {
    const changes = [
      { oid: outside },
      { lfs: { oid: outside, size: 5 } },
      { size: -1, lfs: undefined },
      { size: '5', lfs: undefined },
      { lfs: { oid: sha256(weights), size: 2 ** 60 } }
    ]
    for (const change of changes) {
      fixture.hub.alterEntry = entry => ({ ...entry, ...change })
      const cacheDir = join(fixture.cacheDir, String(changes.indexOf(change)))
      const model = await fixture.open('org/name', { cacheDir })
      expect(await model.read('config.json').catch(() => undefined)).toBeUndefined()
    }
  })

  test.each([
    ['a commit that is a path', '{"sha": "../../x"}', /as the commit/],
    ['a page to log in', '<html>Log in</html>', /not what the API/],
    ['an answer without end', `{"sha": "${'a'.repeat(2 ** 25)}"}`, /does not end/]
  ])('answers with %s', async (_, body, problem) => {
    fixture.hub.fault = ({ path }) =>
      path.includes('/revision/') ? { status: 200, body } : undefined
    await expect(fixture.open('org/name')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(problem)
    })
  })

  test('lists page after page', async () => {
    fixture.hub.fault = ({ path }) =>
      path.includes('/tree/')
        ? {
            status: 200,
            body: '[]',
            headers: { link: `<${fixture.hub.endpoint}${path}>; rel="next"` }
          }
        : undefined
    await expect(fixture.open('org/name')).rejects.toMatchObject({
      message: expect.stringContaining('its listing does not end')
    })
  })

  test.each([
    ['in circles', '/org/name/resolve/x', /in circles/],
    ['to a file', 'file:///etc/passwd', /no address/]
  ])('redirects %s', async (_, location, problem) => {
    fixture.hub.fault = () => ({ status: 302, headers: { location } })
    await expect(fixture.open('org/name')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(problem)
    })
  })
})

test('a hub that is not there is named, and what to do', async () => {
  const endpoint = 'http://127.0.0.1:1'
  await expect(fixture.open('org/name', { endpoint })).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringMatching(/127\.0\.0\.1:1 cannot be reached.*HF_HUB_OFFLINE/)
  })
  await expect(fixture.open('org/name', { endpoint: 'hub' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT'
  })
  await expect(fixture.open('org/name', { revision: 'x' })).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('no revision "x"')
  })
  await expect(fixture.open('org/name', { revision: '../x' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT'
  })
})
