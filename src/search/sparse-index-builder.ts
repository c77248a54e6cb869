import { EsplanadeError } from '../errors.ts'
import type { KernelChoice } from '../kernel/kernel-memory.ts'
import { quoteKey } from '../segment/keys.ts'
import { copyMetadata } from '../segment/metadata.ts'
import type { SegmentMetadata } from '../segment/segment.ts'
import { SegmentBuilder } from '../segment/segment-builder.ts'
import { writeSegments } from '../segment/segment-writer.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { checkedVector } from './search-options.ts'
import { SparseIndex } from './sparse-index.ts'

/** Options of {@link SparseIndexBuilder.finish}. */
export interface FinishOptions {
  /** How documents are compared with a query (default `'dot'`). */
  readonly metric?: Metric | undefined
  /** Notes of yours that are kept in the index, anything that JSON can hold (default `{}`). */
  readonly metadata?: SegmentMetadata | undefined
  /**
   * How weights are stored (default `'float32'`). With `'float16'` a posting takes two bytes less; the
   * weights are rounded to 11 bits, and scores are exact for the rounded ones.
   */
  readonly precision?: 'float32' | 'float16' | undefined
  /**
   * Whether documents with the same terms are stored together, which makes searches faster and the
   * build slower (default: yes, where there are more than 16,384 documents). Hits are the same.
   */
  readonly reorder?: boolean | undefined
  /** Milliseconds that reordering may take (default: no limit); what is reached by then is kept. */
  readonly reorderBudgetMs?: number | undefined
  /** Hears the share of the reordering that is done, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
  /** Stops the reordering. */
  readonly signal?: AbortSignal | undefined
  /**
   * Bytes of a segment at most (default 3.5 GiB; WebAssembly addresses 4 GiB). A larger index has
   * several, which are searched as one.
   */
  readonly maxSegmentBytes?: number | undefined
  /**
   * Documents of a window, a power of two from 512 to 65,536 (default 16,384); see
   * `docs/formats/segment-v1.md`.
   */
  readonly windowDocuments?: number | undefined
  /** `'typescript'` searches without WebAssembly (default `'auto'`: only where it is missing). */
  readonly kernel?: KernelChoice | undefined
}

/** As fast as any other from 30,000 to a million documents, and its sums stay in a core's cache. */
const WINDOW_DOCUMENTS = 16_384

const MAX_SEGMENT_BYTES = 3.5 * 2 ** 30

/**
 * Collects keyed sparse vectors and makes a {@link SparseIndex} of them. It holds 8 bytes a posting,
 * and beside them the index while it finishes.
 *
 * ```ts
 * const builder = new SparseIndexBuilder()
 * builder.add('a', sparseVector([3, 17], [0.5, 1.25]))
 * const index = await builder.finish()
 * ```
 */
export class SparseIndexBuilder {
  #segment: SegmentBuilder | undefined = new SegmentBuilder()

  /** Documents added so far. */
  get size(): number {
    return this.#open().numDocuments
  }

  /** Postings added so far: the terms of all documents. */
  get numPostings(): number {
    return this.#open().numPostings
  }

  /**
   * Adds a document; the vector is checked and copied. An empty vector is valid: its document
   * matches nothing. A document that is refused leaves the builder as it was.
   *
   * @param key - any well-formed string that is not empty and was not added before
   * @throws EsplanadeError `INVALID_KEY`, `DUPLICATE_KEY`, `INVALID_VECTOR`; `INVALID_ARGUMENT`
   *   after `finish`, or when the index is full (2^24 documents, 2^32 − 1 postings)
   */
  add(key: string, vector: SparseVector): void {
    const place = typeof key === 'string' ? `document ${quoteKey(key)}` : 'document'
    this.#open().add(key, checkedVector(vector, place))
  }

  /**
   * Makes the index. The builder cannot be used afterwards.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` on an option without meaning or a second call;
   *   `INVALID_VECTOR` on a weight that float16 cannot hold; `ABORTED`
   */
  async finish(options: FinishOptions = {}): Promise<SparseIndex> {
    const { metric = 'dot', precision = 'float32', windowDocuments = WINDOW_DOCUMENTS } = options
    const { maxSegmentBytes = MAX_SEGMENT_BYTES, kernel = 'auto' } = options
    check('metric', metric, ['dot', 'cosine'])
    check('precision', precision, ['float32', 'float16'])
    check('windowDocuments', windowDocuments, WINDOW_SIZES)
    check('kernel', kernel, ['auto', 'typescript'])
    if (!(maxSegmentBytes > 0)) refuse('maxSegmentBytes', maxSegmentBytes, 'a number above 0')
    const metadata = copyMetadata(options.metadata === undefined ? {} : options.metadata)
    const added = this.#open().finish()
    this.#segment = undefined
    const segments = await writeSegments(added, {
      metric,
      precision,
      metadata,
      windowDocuments,
      maxSegmentBytes,
      kernel,
      reorder: options.reorder ?? true,
      reorderBudgetMs: options.reorderBudgetMs,
      onReorder: options.onProgress,
      signal: options.signal
    })
    return new SparseIndex(segments)
  }

  #open(): SegmentBuilder {
    if (this.#segment !== undefined) return this.#segment
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'this builder has finished its index',
      expected: 'a builder that is still open',
      remedy: 'Make a new SparseIndexBuilder'
    })
  }
}

const WINDOW_SIZES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]

function check(place: string, given: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(given)) refuse(place, given, choices.join(', '))
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `given ${String(given)}`,
    expected
  })
}
