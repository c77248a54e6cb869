import type { DenseEncoder } from '../encoder/dense-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { DenseModelRecord } from './dense-settings.ts'
import { LoadOnce } from './load-once.ts'

/** The dense model of a collection: loaded when it is needed first, and only if it is the same. */
export class CollectionDenseEncoder {
  readonly model: DenseModelRecord
  readonly #load: (model: DenseModelRecord) => Promise<DenseEncoder>
  readonly #encoder = new LoadOnce<DenseEncoder>(() => this.#loadSame())

  constructor(model: DenseModelRecord, load: (model: DenseModelRecord) => Promise<DenseEncoder>) {
    this.model = model
    this.#load = load
  }

  /**
   * @throws EsplanadeError `COLLECTION_MISMATCH` where the model is another one by now; what loading
   *   throws
   */
  get(): Promise<DenseEncoder> {
    return this.#encoder.get()
  }

  /** The vector of a query's text. @throws EsplanadeError as {@link get}; `ABORTED` */
  async encodeQuery(
    text: string,
    options: { readonly signal?: AbortSignal | undefined } = {}
  ): Promise<DenseVector> {
    const { signal } = options
    return (await this.get()).encodeQuery(text, signal ? { signal } : {})
  }

  async close(): Promise<void> {
    await (await this.#encoder.asked?.catch(() => undefined))?.close()
  }

  async #loadSame(): Promise<DenseEncoder> {
    const encoder = await this.#load(this.model)
    const difference = differenceOf(encoder, this.model)
    if (difference === undefined) return encoder
    await encoder.close()
    const { name } = this.model
    throw new EsplanadeError('COLLECTION_MISMATCH', {
      problem: `the dense model ${name} has another ${difference} than when it made the collection`,
      expected: `the dense model ${name} as it was then`,
      remedy: 'Name the model that made the collection, or encode it anew: esplanade reencode DIR'
    })
  }
}

/** In what an encoder differs from a recorded model so that its vectors do not compare. */
function differenceOf(encoder: DenseEncoder, model: DenseModelRecord): string | undefined {
  if (encoder.tokenizer.vocabulary.fingerprint !== model.vocabularyFingerprint) return 'vocabulary'
  // Which is of pooling, normalisation and prompts too.
  if (encoder.fingerprint !== model.fingerprint) return 'fingerprint of its weights and settings'
  if (encoder.maxTokens !== model.maxTokens) return 'limit of tokens'
  return undefined
}
