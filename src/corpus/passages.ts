import { EsplanadeError } from '../errors.ts'
import { sentenceEnds } from './sentences.ts'

/** A part of a text: UTF-16 offsets, `start` included, `end` not. */
export interface Passage {
  readonly start: number
  readonly end: number
}

/** How a long text is cut. */
export interface PassageOptions {
  /** The most tokens a passage may have, as `countTokens` counts; at least 1. */
  readonly maxTokens: number
  /**
   * The most tokens that a passage repeats from the end of the one before it, in whole sentences;
   * below `maxTokens`. Default: an eighth of it.
   */
  readonly overlapTokens?: number | undefined
  /** How many tokens the encoder makes of a text, without the ones it adds around each text. */
  readonly countTokens: (text: string) => number
  /** UTF-16 offsets where a heading begins, ascending: the preferred places to cut. */
  readonly borders?: readonly number[] | undefined
}

/** What passages are packed from: a sentence, or a part of one that is too long. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly numTokens: number
  /** Whether a heading begins here. */
  readonly isBorder: boolean
}

/**
 * Splits a text into passages that an encoder can read whole.
 *
 * A text that fits is one passage. A longer one is filled sentence by sentence, and cut at the last
 * heading in the second half of what fits, else at the end of the last sentence. A passage cut
 * between sentences is repeated in part by the next one (`overlapTokens`), so that an answer that
 * spans the cut is whole in one of them; nothing is repeated across a heading. A sentence too long
 * for a passage is cut between words, a word too long inside, never within a surrogate pair.
 *
 * The passages are in order and together cover every character; all have at most `maxTokens`
 * tokens, unless a single character has more. Each character is counted about three times.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for token limits without a meaning
 */
export function splitPassages(text: string, options: PassageOptions): Passage[] {
  const { maxTokens, countTokens, overlapTokens = Math.floor(maxTokens / 8) } = options
  checkLimits(maxTokens, overlapTokens)
  if (countTokens(text) <= maxTokens) return [{ start: 0, end: text.length }]
  const pieces = [...cutPieces(text, options)]
  const passages: Passage[] = []
  let first = 0
  let fresh = 0 // the first piece that no passage has yet
  while (fresh < pieces.length) {
    let end = fill(pieces, first, fresh, maxTokens)
    // Counted apart, pieces may come to less than together, where a cut went through a word.
    while (end > fresh + 1 && countTokens(sliceOf(text, pieces, first, end)) > maxTokens) end--
    // Overlap is worth nothing if it keeps the one new piece out.
    const isTight = end === fresh + 1 && first < fresh
    if (isTight && countTokens(sliceOf(text, pieces, first, end)) > maxTokens) {
      first = fresh
      continue
    }
    const cut = end < pieces.length ? headingBefore(pieces, first, fresh, end) : end
    passages.push({ start: pieces[first]!.start, end: pieces[cut - 1]!.end })
    first = cut < pieces.length ? overlapStart(pieces, first, cut, overlapTokens) : cut
    fresh = cut
  }
  return passages
}

function checkLimits(maxTokens: number, overlapTokens: number): void {
  const isMax = Number.isInteger(maxTokens) && maxTokens >= 1
  if (isMax && Number.isInteger(overlapTokens) && overlapTokens >= 0 && overlapTokens < maxTokens) {
    return
  }
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: isMax ? 'overlapTokens' : 'maxTokens',
    problem: isMax ? `${overlapTokens}, with maxTokens ${maxTokens}` : `${maxTokens}`,
    expected: isMax ? 'an integer from 0 to below maxTokens' : 'an integer of at least 1'
  })
}

function sliceOf(text: string, pieces: readonly Piece[], first: number, end: number): string {
  return text.slice(pieces[first]!.start, pieces[end - 1]!.end)
}

/** The end of the longest run of pieces from `first` that fits; at least one of them is fresh. */
function fill(pieces: readonly Piece[], first: number, fresh: number, maxTokens: number): number {
  let numTokens = 0
  let end = first
  while (end < pieces.length && numTokens + pieces[end]!.numTokens <= maxTokens) {
    numTokens += pieces[end]!.numTokens
    end++
  }
  return Math.max(end, fresh + 1)
}

/** Moves a cut back to the last heading in the second half of the passage; `end` without one. */
function headingBefore(
  pieces: readonly Piece[],
  first: number,
  fresh: number,
  end: number
): number {
  if (pieces[end]!.isBorder) return end
  let half = 0
  for (let i = first; i < end; i++) half += pieces[i]!.numTokens / 2
  let after = 0
  for (let i = end - 1; i > fresh; i--) {
    after += pieces[i]!.numTokens
    if (after > half) return end
    if (pieces[i]!.isBorder) return i
  }
  return end
}

/** Where the passage after a cut starts: as many whole pieces back as the overlap allows. */
function overlapStart(
  pieces: readonly Piece[],
  first: number,
  cut: number,
  overlapTokens: number
): number {
  let start = cut
  let numTokens = 0
  // The next passage starts after this one: it would else be a longer form of it.
  while (start > first + 1 && !pieces[start]!.isBorder) {
    numTokens += pieces[start - 1]!.numTokens
    if (numTokens > overlapTokens) break
    start--
  }
  return start
}

/** Cuts the whole text into pieces, each at most `maxTokens` long. */
function* cutPieces(text: string, options: PassageOptions): Generator<Piece> {
  const { maxTokens, countTokens, borders = [] } = options
  const isBorder = new Set(borders)
  const inside = borders.filter(border => border > 0 && border < text.length)
  const sections = [0, ...inside.sort((a, b) => a - b), text.length]
  for (let i = 0; i + 1 < sections.length; i++) {
    let start = sections[i]!
    for (const end of sentenceEnds(text, start, sections[i + 1]!)) {
      const numTokens = countTokens(text.slice(start, end))
      if (numTokens <= maxTokens) {
        yield { start, end, numTokens, isBorder: isBorder.has(start) }
      } else {
        for (const part of cutSentence(text, start, end, options)) {
          yield { ...part, isBorder: isBorder.has(part.start) }
        }
      }
      start = end
    }
  }
}

type Part = Omit<Piece, 'isBorder'>

/**
 * Cuts a sentence between words into runs of about half as many characters as a passage has
 * tokens: small enough to fill passages well, and large enough to count them fast.
 */
function* cutSentence(
  text: string,
  start: number,
  end: number,
  options: PassageOptions
): Generator<Part> {
  const { maxTokens, countTokens } = options
  const runChars = Math.max(1, Math.floor(maxTokens / 2))
  const gap = /\s+|$/g
  for (let from = start; from < end; ) {
    let to = Math.min(from + runChars, end)
    if (to < end) {
      // The last word border in the run, or the end of the word that is longer than it.
      const space = text.slice(from, to).search(/\s\S*$/)
      if (space >= 0) to = from + space
      gap.lastIndex = to
      const found = gap.exec(text)!
      to = Math.min(found.index + found[0].length, end)
    }
    const numTokens = countTokens(text.slice(from, to))
    if (numTokens <= maxTokens) yield { start: from, end: to, numTokens }
    else yield* cutWord(text, from, to, options)
    from = to
  }
}

/** Cuts between characters, into halves until they fit; a single character is never cut. */
function* cutWord(
  text: string,
  start: number,
  end: number,
  options: PassageOptions
): Generator<Part> {
  const { maxTokens, countTokens } = options
  const open: Passage[] = [{ start, end }]
  while (open.length > 0) {
    const part = open.pop()!
    const numTokens = countTokens(text.slice(part.start, part.end))
    const middle = characterBorder(text, part.start, part.end)
    if (numTokens <= maxTokens || middle === undefined) {
      yield { start: part.start, end: part.end, numTokens }
    } else {
      open.push({ start: middle, end: part.end }, { start: part.start, end: middle })
    }
  }
}

/** An offset near the middle that is not inside a surrogate pair; undefined when there is none. */
function characterBorder(text: string, start: number, end: number): number | undefined {
  let middle = start + Math.floor((end - start) / 2)
  const isInside = (text.codePointAt(middle - 1) ?? 0) > 0xffff
  if (isInside && middle > start) middle = middle - 1 > start ? middle - 1 : middle + 1
  return middle > start && middle < end ? middle : undefined
}
