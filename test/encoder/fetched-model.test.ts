import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelFilesFromUrl, SparseEncoder } from '../../src/entry/encoder.ts'
import { PageServer } from '../browser/page-server.ts'

describe('a model on a web server', () => {
  let server: PageServer
  beforeAll(async () => {
    server = await PageServer.start(new Map())
  })
  afterAll(() => server.close())

  it('is loaded by its address, as it is from its folder', async () => {
    await using fetched = await SparseEncoder.load(`${server.origin}/models/splade-tiny`)
    await using shipped = await SparseEncoder.load('splade-tiny')
    expect(fetched.name).toBe('splade-tiny')
    expect(fetched.fingerprint).toBe(shipped.fingerprint)
    expect(await fetched.encodeQuery('fog')).toEqual(await shipped.encodeQuery('fog'))
  })

  it('names its files, and has those of a graph beside it', () => {
    const folder = modelFilesFromUrl('https://example.org/a%20b/mine?key=1')
    expect(folder.name).toBe('mine')
    expect(folder.placeOf('1_Pooling/config.json')).toBe(
      'https://example.org/a%20b/mine/1_Pooling/config.json?key=1'
    )
    const graph = modelFilesFromUrl(new URL('https://example.org/mine/small.onnx'))
    expect(graph).toMatchObject({ name: 'mine', graphFile: 'small.onnx' })
    expect(graph.placeOf('config.json')).toBe('https://example.org/mine/config.json')
  })

  it.each(['mine', './mine', 'file:///mine/'])('%s is no address', url => {
    expect(() => modelFilesFromUrl(url)).toThrow(/is no address of a web server/)
  })
})

describe('what a server answers', () => {
  let server: Server
  let origin: string
  beforeAll(async () => {
    server = createServer(({ url = '', headers }, response) => {
      const status = Number(/\d{3}/.exec(url)?.[0] ?? 200)
      if (url.includes('short')) {
        response.writeHead(200, { 'content-length': 10 })
        response.write('four')
        setTimeout(() => response.destroy(), 50)
        return
      }
      const type = url.includes('page') ? 'text/html; charset=utf-8' : 'text/plain'
      response.writeHead(status, { 'content-type': type })
      response.end(headers.authorization ?? 'none')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterAll(() => new Promise(resolve => server.close(resolve)))

  const read = async (file: string, options = {}) => {
    const bytes = await modelFilesFromUrl(origin, options).read(file)
    return bytes && new TextDecoder().decode(bytes)
  }

  it('is the file, or that there is none', async () => {
    expect(await read('file')).toBe('none')
    expect(await read('file', { token: 'secret' })).toBe('Bearer secret')
    expect(await read('404')).toBeUndefined()
    expect(await read('410')).toBeUndefined()
    // The page of an application, in place of what is not there.
    expect(await read('page')).toBeUndefined()
  })

  it.each([
    ['401', 'MODEL_FORBIDDEN', /status 401.*token/],
    ['403', 'MODEL_FORBIDDEN', /status 403/],
    ['500', 'DOWNLOAD_FAILED', /status 500/],
    ['short', 'DOWNLOAD_FAILED', /cannot be fetched/]
  ])('%s: an error', async (file, code, message) => {
    const error = await read(file).catch(cause => cause)
    expect(error).toMatchObject({ code, place: `${origin}${file}` })
    expect(error.message).toMatch(message)
  })

  it('does not matter where nobody listens, or it is stopped', async () => {
    const nowhere = modelFilesFromUrl('http://127.0.0.1:1/')
    await expect(nowhere.read('config.json')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
    const stopped = read('file', { signal: AbortSignal.abort() })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
