import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'

/**
 * A model's list of terms, the dimensions of its sparse space: term id ↔ term. Ids are the positions
 * in the list, from 0, without gaps.
 */
export interface Vocabulary {
  /**
   * How many terms there are; ids run from 0 to `size − 1`. A model may have more than its tokenizer
   * names, so that their number is round: those are special, and called `[unused 50265]`.
   */
  readonly size: number
  /**
   * A short stable hash of all terms that the tokenizer names, in order, such as `30522-1a2b3c4d`: the number of terms and the
   * CRC-32 of the terms in UTF-8, each followed by a line feed. An index that records it can tell
   * that a query comes from another model. It guards against mix-ups, not against malice.
   */
  readonly fingerprint: string
  /**
   * The term of an id, as the model writes it: a WordPiece that continues a word begins with `##`, a
   * term of RoBERTa that begins one with `Ġ`, one of XLM-R with `▁`.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` if the vocabulary has no such id
   */
  termOf(id: number): string
  /**
   * The term of an id as a person would write it: `Ġvaccine` and `▁vaccine` are `vaccine`, `Ã©` is `é`.
   * WordPieces stay as they are; so does a term of white space only. A part of a character is written
   * in hexadecimal: `<E2 80>`. Several ids may have the same.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` if the vocabulary has no such id
   */
  display(id: number): string
  /** The id of a term, or undefined if the vocabulary lacks it. */
  idOf(term: string): number | undefined
  /** Whether the id is a special token such as `[CLS]` or `[MASK]`, which stands for no text. */
  isSpecial(id: number): boolean
}

/**
 * Makes a {@link Vocabulary} from its terms in the order of their ids; they must be unique.
 *
 * @param spelling - how a term is written for people; as it is unless given
 */
export function createVocabulary(
  terms: readonly string[],
  specialIds: Iterable<number> = [],
  spelling: (term: string) => string = term => term
): Vocabulary {
  const ids = new Map(terms.map((term, id) => [term, id]))
  if (ids.size !== terms.length) {
    const twice = terms.find((term, id) => ids.get(term) !== id)
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'terms',
      problem: `the term ${JSON.stringify(twice)} occurs twice`,
      expected: 'each term once'
    })
  }
  const special = new Set(specialIds)
  let fingerprint: string | undefined
  const termOf = (id: number): string => {
    const term = terms[id]
    if (term !== undefined) return term
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'id',
      problem: `the vocabulary has no term ${id}`,
      expected: `an integer from 0 to ${terms.length - 1}`,
      remedy: 'Check that the vector or index was made with this model'
    })
  }
  return {
    size: terms.length,
    get fingerprint() {
      fingerprint ??= fingerprintOf(terms)
      return fingerprint
    },
    termOf,
    display: id => (special.has(id) ? termOf(id) : spelling(termOf(id))),
    idOf: term => ids.get(term),
    isSpecial: id => special.has(id)
  }
}

/**
 * The vocabulary of a model that has terms beyond those of its tokenizer.
 *
 * @param size - how many terms the model has; where these are no more, nothing changes
 */
export function widenVocabulary(vocabulary: Vocabulary, size: number): Vocabulary {
  const { size: numNamed } = vocabulary
  if (size <= numNamed) return vocabulary
  const isUnnamed = (id: number) => Number.isInteger(id) && id >= numNamed && id < size
  const termOf = (id: number) => (isUnnamed(id) ? `[unused ${id}]` : vocabulary.termOf(id))
  return {
    size,
    get fingerprint() {
      return vocabulary.fingerprint
    },
    termOf,
    display: id => (isUnnamed(id) ? termOf(id) : vocabulary.display(id)),
    idOf: vocabulary.idOf,
    isSpecial: id => isUnnamed(id) || vocabulary.isSpecial(id)
  }
}

function fingerprintOf(terms: readonly string[]): string {
  const checksum = crc32.str(terms.map(term => `${term}\n`).join('')) >>> 0
  return `${terms.length}-${checksum.toString(16).padStart(8, '0')}`
}
