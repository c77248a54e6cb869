import { setTimeout as sleep } from 'node:timers/promises'
import { EsplanadeError } from '../../errors.ts'
import { isPassing, PassingError, retryAfterMs } from './passing-error.ts'

/** An answer with the body still to come. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  /** The headers of the redirects that led to it, in their order. */
  readonly redirects: readonly Headers[]
  /** The pieces of the body; a server that falls silent or hangs up is a {@link PassingError}. */
  readonly body: AsyncIterable<Uint8Array>
  /** Ends a response whose body is not wanted. */
  cancel(): void
}

/** How patient a connection is. */
export interface Patience {
  /** A server that is silent for so long has gone away. */
  readonly silenceMs: number
  /** How long is waited after a first failure; twice as long after each that follows. */
  readonly firstWaitMs: number
  readonly signal: AbortSignal | undefined
}

/** What one server is asked with, and what its failures are in the words of its users. */
export interface HttpServer {
  /** Headers of every request to this address, beside its own. */
  headers(url: URL): Readonly<Record<string, string>>
  /** A status that is neither success nor passing; a {@link PassingError} is tried again. */
  refusal(status: number, headers: Headers, url: URL): Error
  /** It does what no such server does. */
  misled(problem: string): EsplanadeError
  /** Trying again has not helped. */
  failure(error: PassingError): EsplanadeError
  /** The caller's signal ended it. */
  aborted(signal: AbortSignal): EsplanadeError
}

/** Failures in a row, without a byte between them, after which it is given up. */
const MAX_FAILURES = 5
/** Servers that want more patience than this are left to the user. */
const MAX_WAIT_MS = 60_000
const MAX_REDIRECTS = 10

/**
 * Requests to a server of files. Redirects are followed here rather than by `fetch`: each address gets
 * the headers that are meant for it and no others, and an encrypted connection is never left for a
 * plain one.
 */
export class HttpConnection {
  readonly #server: HttpServer
  readonly #patience: Patience

  constructor(server: HttpServer, patience: Patience) {
    this.#server = server
    this.#patience = patience
  }

  get signal(): AbortSignal | undefined {
    return this.#patience.signal
  }

  /**
   * One request, not repeated.
   *
   * @throws PassingError where the next one may succeed; what the server's refusals are;
   *   EsplanadeError `ABORTED`
   */
  async request(
    url: string,
    headers: Readonly<Record<string, string>> = {}
  ): Promise<HttpResponse> {
    let at = new URL(url)
    const redirects: Headers[] = []
    while (redirects.length <= MAX_REDIRECTS) {
      const { response, body, cancel } = await this.#fetch(at, headers)
      const { status } = response
      const location = response.headers.get('location')
      if (status >= 300 && status < 400 && location !== null) {
        cancel()
        redirects.push(response.headers)
        at = this.#redirected(at, location)
        continue
      }
      if (response.ok || status === 416) {
        return { status, headers: response.headers, redirects, body, cancel }
      }
      cancel()
      if (isPassing(status)) {
        const wait = retryAfterMs(response.headers.get('retry-after'), Date.now())
        throw new PassingError(`the server answers with status ${status}`, { retryAfterMs: wait })
      }
      throw this.#server.refusal(status, response.headers, at)
    }
    throw this.#server.misled('it redirects in circles')
  }

  async #fetch(url: URL, headers: Readonly<Record<string, string>>) {
    const { signal, silenceMs } = this.#patience
    const controller = new AbortController()
    const silence = { counts: true }
    const timer = setTimeout(() => {
      if (silence.counts) controller.abort(new Error('silence'))
    }, silenceMs)
    const cancel = () => {
      clearTimeout(timer)
      controller.abort()
    }
    const failed = (cause: unknown) => {
      cancel()
      if (signal?.aborted) return this.#server.aborted(signal)
      if (cause instanceof EsplanadeError) return cause
      const problem = `${url.host} ${whatWentWrong(cause, silenceMs)}`
      return new PassingError(problem, { cause })
    }
    try {
      const response = await fetch(url, {
        headers: { ...headers, ...this.#server.headers(url), 'user-agent': 'esplanade' },
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal
      })
      return { response, cancel, body: pieces(response.body, { timer, silence, failed, signal }) }
    } catch (cause) {
      throw failed(cause)
    }
  }

  #redirected(from: URL, location: string): URL {
    const to = URL.canParse(location, from) ? new URL(location, from) : undefined
    const isHttp = to !== undefined && /^https?:$/.test(to.protocol)
    if (!isHttp) throw this.#server.misled('it redirects to what is no address')
    if (from.protocol === 'https:' && to.protocol === 'http:') {
      throw this.#server.misled(`it redirects to ${to.host} without encryption`)
    }
    return to
  }

  /**
   * Repeats a task while it fails in passing: after a while that doubles and begins anew where it has
   * got further meanwhile, or after what the server asks for.
   *
   * @param progressed - whether bytes have arrived since it was asked last
   * @throws EsplanadeError the server's `failure` when trying again does not help, `ABORTED`, and what
   *   the task throws
   */
  async retrying<T>(
    task: () => Promise<T>,
    progressed: () => boolean = () => false,
    maxFailures: number = MAX_FAILURES
  ): Promise<T> {
    const { signal, firstWaitMs } = this.#patience
    for (let failures = 0; ; ) {
      if (signal?.aborted) throw this.#server.aborted(signal)
      try {
        return await task()
      } catch (error) {
        if (!(error instanceof PassingError)) throw error
        failures = progressed() ? 1 : failures + 1
        const waitMs =
          error.retryAfterMs ?? firstWaitMs * 2 ** (failures - 1) * (1 + Math.random() / 4)
        if (failures >= maxFailures || waitMs > MAX_WAIT_MS) throw this.#server.failure(error)
        await sleep(waitMs, undefined, signal && { signal }).catch(() => undefined)
      }
    }
  }
}

interface PieceOptions {
  readonly timer: NodeJS.Timeout
  readonly silence: { counts: boolean }
  readonly signal: AbortSignal | undefined
  readonly failed: (cause: unknown) => Error
}

async function* pieces(
  body: ReadableStream<Uint8Array> | null,
  { timer, silence, signal, failed }: PieceOptions
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body ?? []) {
      // While the disk takes its time, the server need not say anything.
      silence.counts = false
      yield piece
      silence.counts = true
      timer.refresh()
      // Node 20 waits for ever where a signal comes after the last byte and before the end.
      signal?.throwIfAborted()
    }
  } catch (cause) {
    throw failed(cause)
  } finally {
    clearTimeout(timer)
  }
}

/** The reason that lies deepest in what `fetch` throws. */
function whatWentWrong(cause: unknown, silenceMs: number): string {
  let deepest = cause as Error
  while (deepest.cause instanceof Error) deepest = deepest.cause
  if (deepest.message === 'silence') return `has been silent for ${silenceMs / 1000} s`
  const { code, message } = deepest as NodeJS.ErrnoException
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'is not found: is there a connection?'
  return `cannot be reached: ${message || code || deepest.name}`
}
