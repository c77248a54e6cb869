import { isWhitespace } from './bert-characters.ts'
import type { Edit, EditedText, Normalizer } from './edited-text.ts'
import { applyEdits } from './edited-text.ts'
import { precompiledNormalizer } from './precompiled-charsmap.ts'
import type { JsonObject } from './tokenizer-json.ts'
import { asObject, invalidTokenizer, unsupportedTokenizer } from './tokenizer-json.ts'

/** The normalisers that are read, by their `type` in a `tokenizer.json`. */
const READERS: Readonly<Record<string, (options: JsonObject) => Normalizer>> = {
  Sequence: readSequence,
  Precompiled: options => precompiledNormalizer(options.precompiled_charsmap),
  NFC: () => unicodeForm('NFC'),
  NFD: () => unicodeForm('NFD'),
  NFKC: () => unicodeForm('NFKC'),
  NFKD: () => unicodeForm('NFKD'),
  Lowercase: () => lowercase,
  Strip: readStrip,
  Replace: readReplace
}

/**
 * Reads the `normalizer` of a `tokenizer.json` whose model is BPE or Unigram; none leaves the text.
 *
 * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`
 */
export function readNormalizer(value: unknown): Normalizer {
  if (value === undefined || value === null) return input => input
  const options = asObject(value) ?? {}
  const read = Object.hasOwn(READERS, String(options.type)) && READERS[String(options.type)]
  if (read) return read(options)
  const supported = `one of ${Object.keys(READERS).join(', ')}`
  throw unsupportedTokenizer('the type of the normalizer', options.type, supported)
}

function readSequence({ normalizers }: JsonObject): Normalizer {
  if (!Array.isArray(normalizers)) {
    throw invalidTokenizer('normalizer.normalizers is not a list', 'a list of normalizers')
  }
  const steps = normalizers.map(readNormalizer)
  return input => steps.reduce((text, step) => step(text), input)
}

/** The letters of a Hangul syllable in all their forms, of which the first and all may begin one. */
const FIRST_JAMO = '\\u1100-\\u115f\\uac00-\\ud7a3\\u3131-\\u314e\\uffa1-\\uffbe'
const ANY_JAMO = '\\u1160-\\u11ff\\u314f-\\u318e\\uffa0-\\uffdc'
/** Marks, and the sound marks of half-width kana, which are letters. */
const MARKS = '\\p{M}\\uff9e\\uff9f'

/** What a Unicode form may compose: the letters of a Hangul syllable, or a character and its marks. */
const CLUSTER: RegExp = new RegExp(
  `(?:[${FIRST_JAMO}][${ANY_JAMO}]*|[^${MARKS}\\s])?[${MARKS}]+|[${FIRST_JAMO}][${ANY_JAMO}]*|.`,
  'gsu'
)

/**
 * One of Unicode's normalisation forms. The characters of a cluster that changes stand for the whole
 * cluster: `é` written in two code points is one piece of text, accent included. The tables are the
 * engine's, the reference's are of 2018 for NFKC and NFKD: some signs that are younger, such as U+32FF,
 * stay in the reference what they are. None of the families here has these forms; NFC is stable.
 */
function unicodeForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalizer {
  return input => {
    const { text } = input
    const whole = text.normalize(form)
    if (whole === text) return input
    const edits: Edit[] = []
    for (const { 0: cluster, index } of text.matchAll(CLUSTER)) {
      const normalized = cluster.normalize(form)
      if (normalized !== cluster) edits.push([index, index + cluster.length, normalized])
    }
    const edited = applyEdits(input, edits)
    // Were there a composition across clusters, the text would be right and its places coarse.
    return edited.text === whole ? edited : applyEdits(input, [[0, text.length, whole]])
  }
}

/** Letter by letter, without regard to the context, as the reference does (Σ always becomes σ). */
function lowercase(input: EditedText): EditedText {
  const edits: Edit[] = []
  for (const { 0: char, index } of input.text.matchAll(/\P{Lowercase}/gu)) {
    const lower = char.toLowerCase()
    if (lower !== char) edits.push([index, index + char.length, lower])
  }
  return applyEdits(input, edits)
}

function readStrip({ strip_left, strip_right }: JsonObject): Normalizer {
  return input => {
    const { text } = input
    let start = 0
    let end = text.length
    if (strip_left !== false) while (start < end && isWhitespace(text.charCodeAt(start))) start++
    if (strip_right !== false) while (start < end && isWhitespace(text.charCodeAt(end - 1))) end--
    const edits: Edit[] = []
    if (start > 0) edits.push([0, start, ''])
    if (end < text.length) edits.push([end, text.length, ''])
    return applyEdits(input, edits)
  }
}

/** Replaces a string, or a regular expression that means the same in every dialect. */
function readReplace({ pattern, content }: JsonObject): Normalizer {
  const { String: literal, Regex: source } = asObject(pattern) ?? {}
  if (typeof content !== 'string' || (typeof literal !== 'string' && typeof source !== 'string')) {
    throw invalidTokenizer('a normalizer "Replace" lacks its pattern or content', 'both')
  }
  const expression =
    typeof literal === 'string' ? literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : `${source}`
  if (typeof literal !== 'string' && /[\\(^$.]|\[\[/.test(expression)) {
    const supported = 'literal characters, sets of them and counts'
    throw unsupportedTokenizer('the regular expression of a normalizer', source, supported)
  }
  const wanted = compiled(expression)
  return input => {
    const edits: Edit[] = []
    for (const { 0: match, index } of input.text.matchAll(wanted)) {
      if (match !== '') edits.push([index, index + match.length, content])
    }
    return applyEdits(input, edits)
  }
}

function compiled(expression: string): RegExp {
  try {
    return new RegExp(expression, 'gu')
  } catch {
    const supported = 'literal characters, sets of them and counts'
    throw unsupportedTokenizer('the regular expression of a normalizer', expression, supported)
  }
}
