import { setTimeout as sleep } from 'node:timers/promises'
import { EsplanadeError } from '../../errors.ts'
import {
  type Asked,
  failure,
  isPassing,
  PassingError,
  refusal,
  retryAfterMs
} from './hub-errors.ts'
import type { HubSettings, HubToken } from './hub-settings.ts'

/** An answer with the body still to come. */
export interface HubResponse {
  readonly status: number
  readonly headers: Headers
  /** SHA-256 of a large file, as the hub says it before it sends one elsewhere. */
  readonly linkedEtag: string | undefined
  /** The pieces of the body; a server that falls silent or hangs up is a {@link PassingError}. */
  readonly body: AsyncIterable<Uint8Array>
  /** Ends a response whose body is not wanted. */
  cancel(): void
}

/** Failures in a row, without a byte between them, after which it is given up. */
const MAX_FAILURES = 5
/** Servers that want more patience than this are left to the user. */
const MAX_WAIT_MS = 60_000
const MAX_REDIRECTS = 10

/**
 * Requests to a hub. Redirects are followed here rather than by `fetch`: the token goes to the hub's
 * own origin only, never to the servers that hold the files, and an encrypted connection is never
 * left for a plain one.
 */
export class HubConnection {
  readonly asked: Asked
  readonly settings: HubSettings
  readonly #token: HubToken | undefined
  readonly #origin: string

  constructor(settings: HubSettings, asked: Omit<Asked, 'endpoint'>) {
    this.settings = settings
    this.asked = { ...asked, endpoint: settings.endpoint }
    this.#token = settings.token()
    this.#origin = new URL(settings.endpoint).origin
  }

  /**
   * One request, not repeated.
   *
   * @throws PassingError where the next one may succeed; EsplanadeError `MODEL_NOT_FOUND`,
   *   `MODEL_FORBIDDEN`, `DOWNLOAD_FAILED`, `ABORTED`
   */
  async request(url: string, headers: Readonly<Record<string, string>> = {}): Promise<HubResponse> {
    let at = new URL(url)
    let linkedEtag: string | undefined
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const { response, body, cancel } = await this.#fetch(at, headers)
      linkedEtag ??= sha256Etag(response.headers.get('x-linked-etag'))
      const { status } = response
      const location = response.headers.get('location')
      if (status >= 300 && status < 400 && location !== null) {
        cancel()
        at = this.#redirected(at, location)
        continue
      }
      if (response.ok || status === 416) {
        return { status, headers: response.headers, linkedEtag, body, cancel }
      }
      cancel()
      if (isPassing(status)) {
        const wait = retryAfterMs(response.headers.get('retry-after'), Date.now())
        throw new PassingError(`the server answers with status ${status}`, { retryAfterMs: wait })
      }
      // What a server of files says is no word about the model.
      const reason = response.headers.get('x-error-code')
      if (at.origin === this.#origin) throw refusal(status, reason, this.asked, this.#token)
      throw new PassingError(`${at.host}, which holds the file, answers with status ${status}`)
    }
    throw this.#invalid('it redirects in circles')
  }

  async #fetch(url: URL, headers: Readonly<Record<string, string>>) {
    const { signal, silenceMs } = this.settings
    const controller = new AbortController()
    const silence = { counts: true }
    const timer = setTimeout(() => {
      if (silence.counts) controller.abort(new Error('silence'))
    }, silenceMs)
    const cancel = () => {
      clearTimeout(timer)
      controller.abort()
    }
    const authorization =
      url.origin === this.#origin && this.#token !== undefined
        ? { authorization: `Bearer ${this.#token.value}` }
        : {}
    const failed = (cause: unknown) => {
      cancel()
      if (signal?.aborted) return aborted(this.asked, signal)
      if (cause instanceof EsplanadeError) return cause
      const problem = `${url.host} ${whatWentWrong(cause, silenceMs)}`
      return new PassingError(problem, { cause })
    }
    try {
      const response = await fetch(url, {
        headers: { ...headers, ...authorization, 'user-agent': 'esplanade' },
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal
      })
      return { response, cancel, body: pieces(response.body, timer, silence, failed) }
    } catch (cause) {
      throw failed(cause)
    }
  }

  #redirected(from: URL, location: string): URL {
    const to = URL.canParse(location, from) ? new URL(location, from) : undefined
    const isHttp = to !== undefined && /^https?:$/.test(to.protocol)
    if (!isHttp) throw this.#invalid('it redirects to what is no address')
    if (from.protocol === 'https:' && to.protocol === 'http:') {
      throw this.#invalid(`it redirects to ${to.host} without encryption`)
    }
    return to
  }

  #invalid(problem: string): EsplanadeError {
    return new EsplanadeError('DOWNLOAD_FAILED', {
      place: this.asked.model,
      problem: `${this.settings.endpoint} is no hub that can be used: ${problem}`,
      remedy: 'Check HF_ENDPOINT'
    })
  }

  /**
   * Repeats a task while it fails in passing: after a while that doubles and begins anew where it has
   * got further meanwhile, or after what the server asks for.
   *
   * @param progressed - whether bytes have arrived since it was asked last
   * @throws EsplanadeError `DOWNLOAD_FAILED` when trying again does not help, `ABORTED`, and what
   *   the task throws
   */
  async retrying<T>(
    task: () => Promise<T>,
    progressed: () => boolean = () => false,
    maxFailures: number = MAX_FAILURES
  ): Promise<T> {
    const { signal, firstWaitMs } = this.settings
    for (let failures = 0; ; ) {
      if (signal?.aborted) throw aborted(this.asked, signal)
      try {
        return await task()
      } catch (error) {
        if (!(error instanceof PassingError)) throw error
        failures = progressed() ? 1 : failures + 1
        const waitMs =
          error.retryAfterMs ?? firstWaitMs * 2 ** (failures - 1) * (1 + Math.random() / 4)
        if (failures >= maxFailures || waitMs > MAX_WAIT_MS) throw failure(error, this.asked)
        await sleep(waitMs, undefined, signal && { signal }).catch(() => undefined)
      }
    }
  }
}

async function* pieces(
  body: ReadableStream<Uint8Array> | null,
  timer: NodeJS.Timeout,
  silence: { counts: boolean },
  failed: (cause: unknown) => Error
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body ?? []) {
      // While the disk takes its time, the server need not say anything.
      silence.counts = false
      yield piece
      silence.counts = true
      timer.refresh()
    }
  } catch (cause) {
    throw failed(cause)
  } finally {
    clearTimeout(timer)
  }
}

/** Only what is a SHA-256: of small files the header may hold something else. */
function sha256Etag(header: string | null): string | undefined {
  return header?.match(/^(?:W\/)?"?([0-9a-f]{64})"?$/)?.[1]
}

function aborted({ model }: Asked, signal: AbortSignal): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    place: model,
    problem: 'the download was stopped; what has arrived is kept',
    cause: signal.reason
  })
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
