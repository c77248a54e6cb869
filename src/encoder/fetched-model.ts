import { EsplanadeError } from '../errors.ts'
import type { ModelFiles } from './model-files.ts'
import type { DownloadProgress } from './sparse-encoder.ts'

/** How the files of a model are fetched. */
export interface FetchOptions {
  /** Sent as `Authorization: Bearer`; default: none. */
  readonly token?: string
  /** Hears how far each file is, where the server says how long it is; else only at its end. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** Stops what is being fetched, with `ABORTED`. */
  readonly signal?: AbortSignal
}

/**
 * The files of a model in a folder of a web server, read with `fetch` when they are needed. What is
 * kept of them is up to the platform: browsers have their cache.
 *
 * @param url - absolute, of the folder; or of an `.onnx` file, which is the graph that is used, with the
 * other files beside it
 * @throws EsplanadeError `INVALID_ARGUMENT` where the URL is none; when files are read `MODEL_FORBIDDEN`,
 *   `DOWNLOAD_FAILED`, `ABORTED`
 */
export function modelFilesFromUrl(url: string | URL, options: FetchOptions = {}): ModelFiles {
  const address = checkedUrl(url)
  const graphFile = /[^/]+\.onnx$/.exec(address.pathname)?.[0]
  if (graphFile === undefined && !address.pathname.endsWith('/')) address.pathname += '/'
  const name = address.pathname.split('/').at(-2) || address.host
  const urlOf = (file: string) => {
    const place = new URL(file, address)
    // What signs a folder's address signs its files'.
    place.search = address.search
    return place
  }
  return {
    name,
    graphFile: graphFile && decodeURIComponent(graphFile),
    placeOf: file => urlOf(file).href,
    read: file => fetchFile(urlOf(file), { model: name, file }, options)
  }
}

function checkedUrl(url: string | URL): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (address !== undefined && /^https?:$/.test(address.protocol)) return address
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'url',
    problem: `${url} is no address of a web server`,
    expected: 'https://host/folder/, with the files of a model in it'
  })
}

async function fetchFile(
  url: URL,
  what: { readonly model: string; readonly file: string },
  { token, onDownload, signal }: FetchOptions
): Promise<Uint8Array | undefined> {
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  try {
    const response = await fetch(url, { headers, ...(signal && { signal }) })
    if (!isThere(response, url)) {
      await response.body?.cancel()
      return undefined
    }
    return await contentOf(response, (done, total) => onDownload?.({ ...what, done, total }))
  } catch (cause) {
    if (cause instanceof EsplanadeError) throw cause
    if (signal?.aborted) {
      throw new EsplanadeError('ABORTED', {
        place: url.href,
        problem: 'stopped by its signal',
        cause
      })
    }
    throw new EsplanadeError('DOWNLOAD_FAILED', {
      place: url.href,
      problem: `it cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy:
        'Check the address and the connection; in a browser also that the server of another origin ' +
        'allows it (CORS), which the console of the browser says',
      cause
    })
  }
}

/** @throws EsplanadeError where it is not known whether the file is there */
function isThere({ ok, status, headers }: Response, url: URL): boolean {
  if (status === 404 || status === 410) return false
  if (status === 401 || status === 403) {
    throw new EsplanadeError('MODEL_FORBIDDEN', {
      place: url.href,
      problem: `the server answers with status ${status}`,
      remedy: 'Give the option token, here or to modelFilesFromUrl, or ask whoever runs the server'
    })
  }
  if (!ok) {
    throw new EsplanadeError('DOWNLOAD_FAILED', {
      place: url.href,
      problem: `the server answers with status ${status}`,
      remedy: 'Try again later, or check the address'
    })
  }
  // Servers of one-page applications send that page for whatever they do not have.
  return !/^text\/html\b/.test(headers.get('content-type') ?? '')
}

async function contentOf(
  response: Response,
  onBytes: (done: number, total: number) => void
): Promise<Uint8Array> {
  const { headers, body } = response
  // The length that is sent is that of the compressed bytes.
  const total = headers.has('content-encoding') ? undefined : headers.get('content-length')
  if (body === null || total === null || total === undefined) {
    const bytes = new Uint8Array(await response.arrayBuffer())
    onBytes(bytes.length, bytes.length)
    return bytes
  }
  const bytes = new Uint8Array(Number(total))
  const reader = body.getReader()
  let done = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    // One that is longer than was said cannot be placed, and fails as a range error.
    bytes.set(part.value, done)
    done += part.value.length
    onBytes(done, bytes.length)
  }
  if (done === bytes.length) return bytes
  throw new TypeError(`${done} of ${bytes.length} bytes came`)
}
