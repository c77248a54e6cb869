import { isWhitespace } from './bert-characters.ts'
import type { SubwordModel, WordTokens } from './subword-pipeline.ts'
import type { JsonObject } from './tokenizer-json.ts'
import { asObject, invalidTokenizer, readFlag, unsupportedTokenizer } from './tokenizer-json.ts'
import { Unigram } from './unigram.ts'

/** What stands for a blank in SentencePiece's terms: U+2581. */
export const METASPACE = '\u2581'

/** How a text is cut into words before Unigram cuts these. */
export interface MetaspaceOptions {
  /** Whether white space of any kind separates first, and is left out. */
  readonly splitsAtWhitespace: boolean
  /** Before which stretches of text a `▁` is put that have none: all, the text's first, or none. */
  readonly prepend: 'always' | 'first' | 'never'
  /** Whether each `▁` begins a word. */
  readonly splits: boolean
}

/** SentencePiece's Unigram, as XLM-R has it: blanks are written `▁` and are part of the terms. */
export class MetaspaceUnigram implements SubwordModel {
  readonly #options: MetaspaceOptions
  readonly #unigram: Unigram

  constructor(options: MetaspaceOptions, unigram: Unigram) {
    this.#options = options
    this.#unigram = unigram
  }

  forEachWord(
    text: string,
    isFirst: boolean,
    visit: (word: string, start: number, numAdded: number) => void
  ): void {
    if (!this.#options.splitsAtWhitespace) {
      this.#forEachPiece(text, 0, isFirst, visit)
      return
    }
    let start = 0
    for (let index = 0; index <= text.length; index++) {
      if (index < text.length && !isWhitespace(text.charCodeAt(index))) continue
      if (start < index) {
        this.#forEachPiece(text.slice(start, index), start, isFirst && start === 0, visit)
      }
      start = index + 1
    }
  }

  #forEachPiece(
    text: string,
    from: number,
    isFirst: boolean,
    visit: (word: string, start: number, numAdded: number) => void
  ): void {
    const { prepend, splits } = this.#options
    const spaced = text.replaceAll(' ', METASPACE)
    const wanted = prepend === 'always' || (prepend === 'first' && isFirst)
    const numAdded = wanted && !spaced.startsWith(METASPACE) ? 1 : 0
    let start = 0
    while (start < spaced.length) {
      const next = splits ? spaced.indexOf(METASPACE, start + 1) : -1
      const end = next < 0 ? spaced.length : next
      const piece = spaced.slice(start, end)
      const isLed = start === 0 && numAdded > 0
      visit(isLed ? METASPACE + piece : piece, from + start, isLed ? 1 : 0)
      start = end
    }
  }

  isSeparator(unit: number): boolean {
    return unit === 0x2581 || unit === 0x20
  }

  tokensOf(word: string): WordTokens {
    const ids: number[] = []
    const ends: number[] = []
    this.#unigram.encode(word, ids, ends)
    return { ids, starts: [0, ...ends.slice(0, -1)], ends }
  }
}

/**
 * Reads a Unigram model and its pre-tokenizer: `Metaspace`, alone or after `WhitespaceSplit`.
 *
 * @param ids - the model's terms
 * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`
 */
export function readMetaspaceUnigram(
  model: JsonObject,
  preTokenizer: unknown,
  ids: ReadonlyMap<string, number>
): MetaspaceUnigram {
  const options = readMetaspace(preTokenizer)
  if (model.byte_fallback) throw unsupportedTokenizer('model.byte_fallback', true, 'false')
  const unknownId = model.unk_id
  if (!Number.isInteger(unknownId) || !((unknownId as number) in (model.vocab as unknown[]))) {
    throw invalidTokenizer(`model.unk_id is ${JSON.stringify(unknownId)}`, 'the id of a term')
  }
  const scores = Float64Array.from(model.vocab as [string, number][], ([, score]) => score)
  const unigram = new Unigram({ ids, scores, unknownId: unknownId as number })
  return new MetaspaceUnigram(options, unigram)
}

function readMetaspace(preTokenizer: unknown): MetaspaceOptions {
  const given = asObject(preTokenizer)
  const steps: unknown = given?.type === 'Sequence' ? given.pretokenizers : [given]
  const [first, second, ...others] = Array.isArray(steps) ? steps.map(asObject) : []
  const splitsAtWhitespace = first?.type === 'WhitespaceSplit'
  const metaspace = splitsAtWhitespace ? second : first
  const isOnly = others.length === 0 && (splitsAtWhitespace || second === undefined)
  if (metaspace?.type !== 'Metaspace' || !isOnly) {
    const types = Array.isArray(steps) ? steps.map(step => asObject(step)?.type) : given?.type
    const supported = '"Metaspace", or "WhitespaceSplit" and "Metaspace"'
    throw unsupportedTokenizer('the type of the pre-tokenizer of Unigram', types, supported)
  }
  if ((metaspace.replacement ?? METASPACE) !== METASPACE) {
    throw unsupportedTokenizer('pre_tokenizer.replacement', metaspace.replacement, '"\u2581"')
  }
  const prefixed = readFlag(metaspace.add_prefix_space, true, 'pre_tokenizer.add_prefix_space')
  const prepend = metaspace.prepend_scheme ?? (prefixed ? 'always' : 'never')
  if (prepend !== 'always' && prepend !== 'first' && prepend !== 'never') {
    throw invalidTokenizer(
      `pre_tokenizer.prepend_scheme is ${JSON.stringify(prepend)}`,
      '"always", "first" or "never"'
    )
  }
  return {
    splitsAtWhitespace,
    prepend,
    splits: readFlag(metaspace.split, true, 'pre_tokenizer.split')
  }
}
