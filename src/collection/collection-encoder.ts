import type { InferenceFreeModel } from '../encoder/inference-free-model.ts'
import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { LoadOnce } from './load-once.ts'
import type { ModelRecord } from './settings.ts'

/** Loads the model of a record, or what of it queries without inference need. */
export interface ModelLoader {
  encoder(model: ModelRecord): Promise<SparseEncoder>
  inferenceFree(model: ModelRecord): Promise<InferenceFreeModel>
}

/** The model of a collection: loaded when it is needed first, and only if it is the same. */
export class CollectionEncoder {
  readonly model: ModelRecord | undefined
  readonly #load: ModelLoader
  readonly #encoder = new LoadOnce<SparseEncoder>(() => this.#loadSame())
  readonly #inferenceFree = new LoadOnce<InferenceFreeModel>(() => this.#loadInferenceFree())

  constructor(model: ModelRecord | undefined, load: ModelLoader) {
    this.model = model
    this.#load = load
  }

  /**
   * @throws EsplanadeError `COLLECTION_MISMATCH` where the model is another one by now;
   *   `INVALID_ARGUMENT` where the collection has none; what loading throws
   */
  get(): Promise<SparseEncoder> {
    return this.#encoder.get()
  }

  /**
   * What queries need that no model encodes: neither its weights are read, nor is there to be a
   * runtime. Only the vocabulary is compared with the recorded one.
   *
   * @throws EsplanadeError as {@link get}
   */
  inferenceFree(): Promise<InferenceFreeModel> {
    return this.#inferenceFree.get()
  }

  /** The model's tokenizer: that of the encoder, once it is there. @throws EsplanadeError as {@link get} */
  async tokenizer(): Promise<Tokenizer> {
    return (await (this.#encoder.asked ?? this.inferenceFree())).tokenizer
  }

  async close(): Promise<void> {
    await (await this.#encoder.asked?.catch(() => undefined))?.close()
  }

  async #loadSame(): Promise<SparseEncoder> {
    const model = this.#recorded()
    const encoder = await this.#load.encoder(model)
    const difference = differenceOf(encoder, model)
    if (difference === undefined) return encoder
    await encoder.close()
    throw mismatch(difference, model)
  }

  async #loadInferenceFree(): Promise<InferenceFreeModel> {
    const model = this.#recorded()
    const loaded = await this.#load.inferenceFree(model)
    const { fingerprint } = loaded.tokenizer.vocabulary
    if (fingerprint === model.vocabularyFingerprint) return loaded
    throw mismatch('vocabulary', model)
  }

  #recorded(): ModelRecord {
    if (this.model !== undefined) return this.model
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'the collection has no model, so it cannot turn a text into a vector',
      expected: 'a vector',
      remedy: 'Give a vector, or make a collection with a model'
    })
  }
}

function mismatch(difference: string, { name }: ModelRecord): EsplanadeError {
  return new EsplanadeError('COLLECTION_MISMATCH', {
    problem: `the model ${name} has other ${difference} than when it made the collection`,
    expected: `the model ${name} as it was then`,
    remedy: 'Name the model that made the collection, or re-encode the collection with this one'
  })
}

/** In what an encoder differs from a recorded model so that its vectors do not compare. */
function differenceOf(encoder: SparseEncoder, model: ModelRecord): string | undefined {
  if (encoder.vocabulary.fingerprint !== model.vocabularyFingerprint) return 'vocabulary'
  if (encoder.fingerprint !== model.weightsFingerprint) return 'weights'
  if (encoder.pooling !== model.pooling) return 'pooling'
  return undefined
}
