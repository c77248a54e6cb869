import { EsplanadeError } from '../errors.ts'
import type { TokenIds } from '../text/tokenizer.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { planBatches } from './batches.ts'
import type { TextOptions } from './sparse-encoder.ts'
import { Turns } from './turns.ts'
import { windowsOf } from './windows.ts'

/** What encodes the texts of one side, documents or queries. */
export interface TextEncoding<Vector> {
  readonly tokenizer: { tokenize(text: string, options: { maxTokens: number }): TokenIds }
  readonly encoder: BatchEncoder<Vector>
  /** Tokens of a batch, padding included. */
  readonly maxBatchTokens: number
}

/** Options whose values are known to be right. */
export interface CheckedOptions extends TextOptions {
  readonly maxTokens: number
}

/** Tokenising lets batches of other threads in after so many milliseconds. */
const TURN_MS = 5

/**
 * Encodes a stream of texts, window by window: inside a window they are sorted by length into
 * batches. While the batches of a window are encoded, the next window is read and tokenised, and its
 * batches follow at once; no third one is begun before the vectors of the first were taken.
 *
 * A batch that the runtime fails on is tried again text by text: what failed for want of memory may
 * pass, and what does not is known by its text.
 *
 * @param total - how many texts there are, where that is known
 * @yields the vectors in the order of the texts
 */
export async function* encodeTexts<Vector>(
  texts: AsyncIterable<string> | Iterable<string>,
  encoding: TextEncoding<Vector>,
  options: CheckedOptions,
  total?: number
): AsyncGenerator<Vector> {
  const task = new EncodingTask(texts, encoding, options, total)
  try {
    for (let window = await task.begin(); window !== undefined; ) {
      const following = task.begin()
      // Its error is met in its turn, if the vectors before it are taken at all.
      following.catch(() => undefined)
      yield* await window.vectors
      window = await following
    }
  } finally {
    await task.stop()
  }
}

/** A window whose batches are under way. */
interface BegunWindow<Vector> {
  readonly vectors: Promise<Vector[]>
}

/** One call of an encoder, over all its windows. */
class EncodingTask<Vector> {
  readonly #windows: AsyncGenerator<string[]>
  readonly #encoding: TextEncoding<Vector>
  readonly #options: CheckedOptions
  readonly #total: number | undefined
  readonly #turns: Turns
  readonly #underWay = new Set<Promise<unknown>>()
  #isReading = false
  #isStopped = false
  #numRead = 0
  #done = 0
  #numTokens = 0
  #numTruncated = 0

  constructor(
    texts: AsyncIterable<string> | Iterable<string>,
    encoding: TextEncoding<Vector>,
    options: CheckedOptions,
    total: number | undefined
  ) {
    this.#windows = windowsOf(texts)
    this.#encoding = encoding
    this.#options = options
    this.#total = total
    this.#turns = new Turns(encoding.encoder.concurrency)
  }

  /** Reads and tokenises the next window, and lets its batches follow those before. */
  async begin(): Promise<BegunWindow<Vector> | undefined> {
    const { signal } = this.#options
    this.#isReading = true
    const { value: texts, done } = await unlessAborted(this.#windows.next(), signal, () =>
      this.#aborted()
    )
    this.#isReading = false
    if (done) return undefined
    const first = this.#numRead
    const tokens = await this.#tokenized(texts)
    if (this.#isStopped) return undefined
    this.#numRead += texts.length
    const vectors = this.#encodeWindow(first, tokens)
    this.#underWay.add(vectors)
    // Its error is met where the vectors are taken.
    vectors.catch(() => undefined).finally(() => this.#underWay.delete(vectors))
    return { vectors }
  }

  /** Lets the source go. No batch begins any more, and none is under way afterwards. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const ended = this.#windows.return(undefined)
    // A source that is being waited for may be silent for ever: it ends with its next text.
    if (this.#isReading) ended.catch(() => undefined)
    else await ended
    await Promise.allSettled(this.#underWay)
  }

  async #tokenized(texts: readonly string[]): Promise<TokenIds[]> {
    const { tokenizer, encoder } = this.#encoding
    const { maxTokens } = this.#options
    const tokens: TokenIds[] = []
    let begun = performance.now()
    for (const text of texts) {
      if (typeof text !== 'string') throw noText(text, this.#numRead + tokens.length)
      tokens.push(tokenizer.tokenize(text, { maxTokens }))
      if (encoder.concurrency > 1 && performance.now() - begun > TURN_MS) {
        await new Promise(resolve => setTimeout(resolve))
        if (this.#isStopped) return []
        begun = performance.now()
      }
    }
    return tokens
  }

  async #encodeWindow(first: number, tokens: readonly TokenIds[]): Promise<Vector[]> {
    const vectors = new Array<Vector>(tokens.length)
    const lengths = tokens.map(({ ids }) => ids.length)
    const batches = planBatches(lengths, this.#encoding.maxBatchTokens)
    let failure: { readonly error: unknown } | undefined
    const encodeOne = async (batch: readonly number[]): Promise<void> => {
      if (failure !== undefined) return
      const encoded = await this.#encodeBatch(batch, first, tokens)
      batch.forEach((index, row) => {
        vectors[index] = encoded[row]!
      })
      this.#report(batch.map(index => tokens[index]!))
    }
    const tasks = batches.map(batch =>
      this.#turns
        .run(() => encodeOne(batch))
        .catch(error => {
          failure ??= { error }
        })
    )
    await Promise.all(tasks)
    if (failure !== undefined) throw failure.error
    return vectors
  }

  async #encodeBatch(
    batch: readonly number[],
    first: number,
    tokens: readonly TokenIds[]
  ): Promise<Vector[]> {
    try {
      return await this.#encode(batch.map(index => tokens[index]!.ids))
    } catch (error) {
      if (!isRuntimeFailure(error)) throw error
      const encoded: Vector[] = []
      for (const index of batch) {
        const [vector] = await this.#encode([tokens[index]!.ids]).catch(cause => {
          throw isRuntimeFailure(cause) ? failedText(first + index, cause) : cause
        })
        encoded.push(vector!)
      }
      return encoded
    }
  }

  async #encode(texts: readonly Uint32Array[]): Promise<Vector[]> {
    if (this.#isStopped || this.#options.signal?.aborted) throw this.#aborted()
    return this.#encoding.encoder.encode(texts)
  }

  #report(batch: readonly TokenIds[]): void {
    for (const { ids, numTruncated } of batch) {
      this.#done++
      this.#numTokens += ids.length
      if (numTruncated > 0) this.#numTruncated++
    }
    this.#options.onProgress?.({
      done: this.#done,
      numTokens: this.#numTokens,
      numTruncated: this.#numTruncated,
      ...(this.#total === undefined ? {} : { total: this.#total })
    })
  }

  #aborted(): EsplanadeError {
    return new EsplanadeError('ABORTED', {
      problem: `encoding was stopped after ${this.#done} texts`,
      cause: this.#options.signal?.reason
    })
  }
}

/** Waits no longer than until the signal. */
async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  reason: () => EsplanadeError
): Promise<T> {
  if (signal === undefined) return promise
  let stop: (() => void) | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      stop = () => reject(reason())
      promise.then(resolve, reject)
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
    })
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}

function isRuntimeFailure(error: unknown): error is EsplanadeError {
  return error instanceof EsplanadeError && error.code === 'RUNTIME_FAILED'
}

function failedText(textIndex: number, error: EsplanadeError): EsplanadeError {
  const { code, problem, expected, remedy } = error
  const place = `text ${textIndex}`
  return new EsplanadeError(code, { place, textIndex, problem, expected, remedy, cause: error })
}

function noText(text: unknown, textIndex: number): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: `text ${textIndex}`,
    textIndex,
    problem: `it is of type ${text === null ? 'null' : typeof text}`,
    expected: 'a string'
  })
}
