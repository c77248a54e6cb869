/**
 * Stable codes of every failure that Esplanade reports. Scripts may match on them; a code is never
 * renamed or reused.
 */
export type ErrorCode =
  | 'INVALID_ARGUMENT' // a parameter of a call or a command-line option has no meaning
  | 'INVALID_VECTOR' // NaN, infinite, zero or negative weight; unsorted or duplicate term ids
  | 'INVALID_KEY' // an empty or ill-formed document key
  | 'DUPLICATE_KEY' // two documents of one build carry the same key
  | 'KEY_NOT_FOUND' // the index holds no document of this key
  | 'MODEL_NOT_FOUND' // no such shipped model, no such folder, none of this name on the hub
  | 'MODEL_FORBIDDEN' // the hub keeps the model private or gated, and the token opens it not
  | 'DOWNLOAD_FAILED' // the hub cannot be reached, or what it sent is not what it lists
  | 'MODEL_FILE_INVALID' // a model file is truncated or its header lies
  | 'MODEL_MISMATCH' // config, weights and tokenizer disagree
  | 'MODEL_UNSUPPORTED' // an architecture, layout or element type that is not read
  | 'RUNTIME_MISSING' // ONNX Runtime, or usearch for HNSW, is not installed
  | 'RUNTIME_FAILED' // ONNX Runtime refused the model or a batch; usearch a graph
  | 'RERANK_FAILED' // a reranker failed on a hit, or gave it no finite score
  | 'CORPUS_INVALID' // a line or file of a corpus is not a document
  | 'TOPICS_INVALID' // a line of a topics file is not a query
  | 'QRELS_INVALID' // a line of a qrels file is not a judgement
  | 'RUN_INVALID' // a line of a run file is not a hit
  | 'METRIC_UNKNOWN' // the name of a metric is not known
  | 'INDEX_CORRUPT' // a checksum, count or size of an index file is wrong
  | 'INDEX_VERSION' // an index file of another format version
  | 'FILTER_INVALID' // a filter with an unknown operator, a wrong type, or too large
  | 'COLLECTION_NOT_FOUND' // no collection at this place
  | 'COLLECTION_EXISTS' // a collection, or something else, is already at this place
  | 'COLLECTION_CORRUPT' // a checksum, count or size of a file of a collection is wrong
  | 'COLLECTION_VERSION' // a collection of another format version
  | 'COLLECTION_MISMATCH' // the collection was made with another model or another setting
  | 'COLLECTION_LOCKED' // another process writes to the collection
  | 'COLLECTION_CLOSED' // a collection or a snapshot was used after it was closed
  | 'FILE_NOT_FOUND'
  | 'FILE_UNREADABLE' // no permission, a folder where a file is due, an I/O error
  | 'FILE_UNWRITABLE' // no permission, disk full, a file where a folder is due
  | 'ABORTED' // stopped by the caller's signal

/** What an {@link EsplanadeError} is made of; the message is composed from it. */
export interface ErrorDetails {
  /** Where: a file, `file:line`, a parameter, a tensor. */
  readonly place?: string | undefined
  /** Position, from 0, of the text of an encoding call that it is about. */
  readonly textIndex?: number | undefined
  /** What was given, and what is wrong with it. */
  readonly problem: string
  /** What would have been right. */
  readonly expected?: string | undefined
  /** What to do about it. */
  readonly remedy?: string | undefined
  /** The lower-level error, if there was one. */
  readonly cause?: unknown
}

/**
 * The one error class of the package: it says where, what was given, what was expected and what to
 * do. Match on {@link EsplanadeError.code}; the wording of the message may change.
 */
export class EsplanadeError extends Error {
  override readonly name: string = 'EsplanadeError'
  readonly code: ErrorCode
  readonly place: string | undefined
  /** Position, from 0, of the text of an encoding call that it is about, if it is about one. */
  readonly textIndex: number | undefined
  readonly problem: string
  readonly expected: string | undefined
  readonly remedy: string | undefined

  constructor(code: ErrorCode, details: ErrorDetails) {
    const { place, textIndex, problem, expected, remedy, cause } = details
    const sentences = [
      `${place === undefined ? '' : `${place}: `}${problem}`,
      expected === undefined ? undefined : `Expected ${expected}`,
      remedy
    ]
    super(
      sentences.filter(sentence => sentence !== undefined && sentence !== '').join('. '),
      cause === undefined ? undefined : { cause }
    )
    this.code = code
    this.place = place
    this.textIndex = textIndex
    this.problem = problem
    this.expected = expected
    this.remedy = remedy
  }
}
