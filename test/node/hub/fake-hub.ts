import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A model of a {@link FakeHub}. */
export interface FakeModel {
  /** Its files by path; those of 1,000 bytes or more are large ones, which the second server has. */
  readonly files: Readonly<Record<string, Uint8Array | string>>
  /** Tags beside `main`. */
  readonly tags?: readonly string[]
  readonly access?: 'public' | 'private' | 'gated'
}

/** A request as a server has seen it. */
export interface SeenRequest {
  /** The hub itself, or the one that holds large files. */
  readonly server: 'hub' | 'files'
  /** With the query. */
  readonly path: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

/** What goes wrong with a request. */
export interface Fault {
  /** Instead of the answer. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Bytes of the body after which the connection breaks. */
  readonly cutAfter?: number
  /** Bytes sent in place of the right ones, under their length. */
  readonly bytes?: Uint8Array
  /** Answers with all of the file, whatever range was asked for. */
  readonly ignoreRange?: boolean
  /** A pause before each piece of the body. */
  readonly pauseMs?: number
  /** Sends the beginning of the body, and then nothing. */
  readonly silent?: boolean
}

const LARGE = 1000
const PAGE_SIZE = 3
const PIECE_BYTES = 16_384

/**
 * The Hugging Face hub as far as models are fetched from it: model information, the tree in pages,
 * `resolve` with redirects (relative ones for small files, to another server for large ones),
 * ranges, tokens, and the reasons in `X-Error-Code`.
 */
export class FakeHub {
  readonly token = 'hf_right'
  readonly requests: SeenRequest[] = []
  /** Bytes of bodies that the second server has handed to the system. */
  numBytesSent = 0
  /** Whether the account of the token has accepted the terms of gated models. */
  hasAccepted = false
  /** What goes wrong; asked for each request. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined
  /** Changes what the tree lists. */
  alterEntry: (entry: Record<string, unknown>) => unknown = entry => entry
  readonly #models = new Map<string, FakeModel>()
  /** All that the models ever were, by name and commit. */
  readonly #versions = new Map<string, FakeModel>()
  readonly #hub: Server
  readonly #files: Server

  private constructor() {
    this.#hub = createServer((request, response) => this.#serve('hub', request, response))
    this.#files = createServer((request, response) => this.#serve('files', request, response))
  }

  static async start(models: Readonly<Record<string, FakeModel>>): Promise<FakeHub> {
    const hub = new FakeHub()
    for (const [name, model] of Object.entries(models)) hub.set(name, model)
    for (const server of [hub.#hub, hub.#files]) {
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    }
    return hub
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`
  }

  get filesHost(): string {
    return `127.0.0.1:${(this.#files.address() as AddressInfo).port}`
  }

  /** Forgets requests and faults. */
  reset(): void {
    this.requests.length = 0
    this.numBytesSent = 0
    this.hasAccepted = false
    this.fault = () => undefined
    this.alterEntry = entry => entry
  }

  /** Makes it what `main` and the tags of a model point to; earlier commits stay. */
  set(name: string, model: FakeModel): void {
    this.#models.set(name, model)
    this.#versions.set(`${name}@${this.commitOf(name)}`, model)
  }

  /** The commit of a model: another where a file is another. */
  commitOf(name: string): string {
    const hash = createHash('sha1')
    for (const [path, content] of Object.entries(this.#models.get(name)!.files)) {
      hash.update(`${path}\0`).update(content)
    }
    return hash.digest('hex')
  }

  /** Requests for the content of a file. */
  requestsOf(file: string): SeenRequest[] {
    return this.requests.filter(
      ({ server, path }) => server === 'files' && path.endsWith(`${file}?signed=1`)
    )
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#files]) {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }

  async #serve(server: 'hub' | 'files', request: IncomingMessage, response: ServerResponse) {
    const { range, authorization } = request.headers
    const seen = { server, path: request.url!, range, authorization }
    this.requests.push(seen)
    const fault = this.fault(seen)
    if (fault?.status !== undefined) {
      response.writeHead(fault.status, fault.headers).end(fault.body)
    } else if (server === 'files') {
      await this.#sendFile(request, response, fault)
    } else {
      await this.#answer(request, response, fault)
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, fault?: Fault): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.endpoint)
    const [, name = '', rest = ''] =
      /^\/(?:api\/models\/|api\/resolve-cache\/models\/)?([^/]+\/[^/]+)\/(.*)$/.exec(pathname) ?? []
    const [verb, revision = '', ...path] = rest.split('/').map(decodeURIComponent)
    const model = this.#models.get(name)
    const refused = this.#refusal(model, verb!, request.headers.authorization)
    if (refused !== undefined) {
      const [status, reason] = refused
      response.writeHead(status, reason === '' ? {} : { 'x-error-code': reason }).end('refused')
      return
    }
    const isBranch = ['main', ...(model!.tags ?? [])].includes(revision)
    const commit = isBranch ? this.commitOf(name) : revision
    const version = this.#versions.get(`${name}@${commit}`)
    if (version === undefined) {
      response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end()
    } else if (verb === 'revision') {
      json(response, { _id: '1', id: name, sha: commit, gated: false, private: false })
    } else if (verb === 'tree') {
      this.#sendTree(response, version, new URL(request.url!, this.endpoint), searchParams)
    } else {
      const isCache = pathname.startsWith('/api/resolve-cache/')
      const asked = { name, commit, path: path.join('/'), isCache, fault }
      await this.#resolve(request, response, version, asked)
    }
  }

  #refusal(
    model: FakeModel | undefined,
    verb: string,
    authorization: string | undefined
  ): readonly [status: number, reason: string] | undefined {
    const isKnown = authorization === `Bearer ${this.token}`
    if (authorization !== undefined && !isKnown) return [401, '']
    const isHidden = model === undefined || model.access === 'private'
    if (isHidden && !isKnown) return [401, 'RepoNotFound']
    if (model === undefined) return [404, 'RepoNotFound']
    if (model.access !== 'gated' || verb !== 'resolve') return undefined
    if (!isKnown) return [401, 'GatedRepo']
    return this.hasAccepted ? undefined : [403, 'GatedRepo']
  }

  #sendTree(response: ServerResponse, model: FakeModel, url: URL, query: URLSearchParams): void {
    const entries = Object.entries(model.files).map(([path, content]) => {
      const bytes = Buffer.from(content)
      const lfs = bytes.length >= LARGE && {
        oid: sha256(bytes),
        size: bytes.length,
        pointerSize: 1
      }
      const entry = { type: 'file', path, size: bytes.length, oid: gitHash(bytes) }
      return this.alterEntry({ ...entry, ...(lfs && { lfs, xetHash: 'f'.repeat(64) }) })
    })
    const all = [{ type: 'directory', path: 'sub', size: 0, oid: '0'.repeat(40) }, ...entries]
    const start = Number(query.get('cursor') ?? 0)
    const end = start + PAGE_SIZE
    url.searchParams.set('cursor', String(end))
    json(response, all.slice(start, end), {
      ...(end < all.length && { link: `<${url}>; rel="next"` })
    })
  }

  async #resolve(
    request: IncomingMessage,
    response: ServerResponse,
    version: FakeModel,
    asked: {
      name: string
      commit: string
      path: string
      isCache: boolean
      fault: Fault | undefined
    }
  ): Promise<void> {
    const { name, commit, path, isCache, fault } = asked
    const content = version.files[path]
    if (content === undefined) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
      return
    }
    const bytes = Buffer.from(content)
    if (bytes.length >= LARGE) {
      const location = `http://${this.filesHost}/${name}@${commit}/${path}?signed=1`
      const etag = `"${sha256(bytes)}"`
      const linked = { 'x-linked-etag': etag, 'x-linked-size': bytes.length }
      response.writeHead(302, { location, 'x-repo-commit': commit, ...linked }).end()
    } else if (isCache) {
      response.setHeader('x-repo-commit', commit)
      await send(response, bytes, { request, fault, etag: gitHash(bytes) })
    } else {
      const location = `/api/resolve-cache/models/${name}/resolve/${commit}/${path}`
      response.writeHead(307, { location, 'x-repo-commit': commit }).end()
    }
  }

  async #sendFile(request: IncomingMessage, response: ServerResponse, fault?: Fault) {
    const { pathname } = new URL(request.url!, this.endpoint)
    const [, name = '', path = ''] = /^\/([^/]+\/[^/]+)\/(.*)$/.exec(pathname) ?? []
    const bytes = Buffer.from(this.#versions.get(name)!.files[path]!)
    const count = (numBytes: number) => {
      this.numBytesSent += numBytes
    }
    await send(response, bytes, { request, fault, etag: sha256(bytes), count })
  }
}

/** Answers with bytes, or with the part that was asked for, unless something is to go wrong. */
export async function send(
  response: ServerResponse,
  right: Buffer,
  options: {
    request: IncomingMessage
    fault: Fault | undefined
    etag: string
    count?: (numBytes: number) => void
  }
): Promise<void> {
  const { request, fault = {}, etag, count } = options
  const content = Buffer.from(fault.bytes ?? right)
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const isPart = from > 0 && !fault.ignoreRange
  if (isPart && from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const body = isPart ? content.subarray(from) : content
  const last = content.length - 1
  response.writeHead(isPart ? 206 : 200, {
    etag: `"${etag}"`,
    'content-length': body.length,
    'accept-ranges': 'bytes',
    ...(isPart && { 'content-range': `bytes ${from}-${last}/${content.length}` })
  })
  const end = Math.min(body.length, fault.cutAfter ?? body.length)
  for (let at = 0; at < end; at += PIECE_BYTES) {
    if (fault.pauseMs !== undefined) await sleep(fault.pauseMs)
    if (response.destroyed) return
    const piece = body.subarray(at, Math.min(at + PIECE_BYTES, end))
    await new Promise(resolve => response.write(piece, resolve))
    count?.(piece.length)
    if (fault.silent) return
  }
  // What was written arrives before the end does.
  if (end < body.length) setTimeout(() => response.socket?.end(), 20)
  else response.end()
}

function json(
  response: ServerResponse,
  value: unknown,
  headers: Record<string, string> = {}
): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function gitHash(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}
