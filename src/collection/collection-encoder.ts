import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { ModelRecord } from './settings.ts'

/** Loads the model of a record. */
export type LoadEncoder = (model: ModelRecord) => Promise<SparseEncoder>

/** The model of a collection: loaded when it is needed first, and only if it is the same. */
export class CollectionEncoder {
  readonly model: ModelRecord | undefined
  readonly #load: LoadEncoder
  #encoder: Promise<SparseEncoder> | undefined

  constructor(model: ModelRecord | undefined, load: LoadEncoder) {
    this.model = model
    this.#load = load
  }

  /**
   * @throws EsplanadeError `COLLECTION_MISMATCH` where the model is another one by now;
   *   `INVALID_ARGUMENT` where the collection has none; what loading throws
   */
  get(): Promise<SparseEncoder> {
    if (this.#encoder === undefined) {
      const encoder = this.#loadSame()
      // What failed may work next time, for instance when the folder is back.
      encoder.catch(() => {
        this.#encoder = undefined
      })
      this.#encoder = encoder
    }
    return this.#encoder
  }

  async close(): Promise<void> {
    await (await this.#encoder?.catch(() => undefined))?.close()
  }

  async #loadSame(): Promise<SparseEncoder> {
    const { model } = this
    if (model === undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: 'the collection has no model, so it cannot turn a text into a vector',
        expected: 'a vector',
        remedy: 'Give a vector, or make a collection with a model'
      })
    }
    const encoder = await this.#load(model)
    const difference = differenceOf(encoder, model)
    if (difference === undefined) return encoder
    await encoder.close()
    throw new EsplanadeError('COLLECTION_MISMATCH', {
      problem: `the model ${encoder.name} has other ${difference} than the one that made the collection`,
      expected: `the model ${model.name} as it was then`,
      remedy: 'Name the model that made the collection, or re-encode the collection with this one'
    })
  }
}

/** In what an encoder differs from a recorded model so that its vectors do not compare. */
function differenceOf(encoder: SparseEncoder, model: ModelRecord): string | undefined {
  if (encoder.vocabulary.fingerprint !== model.vocabularyFingerprint) return 'vocabulary'
  if (encoder.fingerprint !== model.weightsFingerprint) return 'weights'
  if (encoder.pooling !== model.pooling) return 'pooling'
  return undefined
}
