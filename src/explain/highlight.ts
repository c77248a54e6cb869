import type { TermExplanation } from './explain-hit.ts'

/** A part of a text that earned some of the score, `[start, end)` in UTF-16 units. */
export interface Highlight {
  readonly start: number
  readonly end: number
  /** Part of the score of the terms that stand here; a term counts each time that it stands here. */
  readonly share: number
}

/** Signs earn scores too, but a text in which every full stop stands out is hard to read. */
const PUNCTUATION = /^\p{P}+$/u

/**
 * The parts of a text that match: every place where a contributing word stands, adjacent pieces of
 * one word joined, in the order of the text.
 */
export function highlights(terms: readonly TermExplanation[]): Highlight[] {
  const spans = terms
    .filter(({ term }) => !PUNCTUATION.test(term))
    .flatMap(({ offsets, share }) => offsets.map(([start, end]) => ({ start, end, share })))
    .sort((a, b) => a.start - b.start || a.end - b.end)
  const joined: Highlight[] = []
  for (const span of spans) {
    const last = joined.at(-1)
    if (last !== undefined && span.start <= last.end) {
      joined[joined.length - 1] = {
        start: last.start,
        end: Math.max(last.end, span.end),
        share: last.share + span.share
      }
    } else joined.push(span)
  }
  return joined
}

/** A window of a text for a list of results. */
export interface Snippet {
  /** `[start, end)` in UTF-16 units; whole words where there are spaces. */
  readonly start: number
  readonly end: number
}

/** The window of at most `maxLength` UTF-16 units in which the highlights earn the most. */
export function bestSnippet(
  text: string,
  found: readonly Highlight[],
  maxLength: number = 200
): Snippet {
  if (text.length <= maxLength) return { start: 0, end: text.length }
  let best = { start: 0, share: 0 }
  for (const first of found) {
    const start = Math.max(0, first.start - Math.floor(maxLength / 8))
    const inside = found.filter(one => one.start >= first.start && one.end <= start + maxLength)
    const share = inside.reduce((sum, one) => sum + one.share, 0)
    if (share > best.share) best = { start, share }
  }
  const start = Math.min(best.start, text.length - maxLength)
  return {
    start: wholeCharacter(text, wordStart(text, start)),
    end: wholeCharacter(text, wordEnd(text, start + maxLength))
  }
}

/** `index`, or the one before it where that would cut a surrogate pair. */
function wholeCharacter(text: string, index: number): number {
  return /[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(Math.max(0, index - 1), index + 1))
    ? index - 1
    : index
}

/** The next beginning of a word from `index`, unless that is far. */
function wordStart(text: string, index: number): number {
  if (index === 0) return 0
  const space = text.indexOf(' ', index - 1)
  return space >= 0 && space - index < 20 ? space + 1 : index
}

/** The last end of a word up to `index`, unless that is far. */
function wordEnd(text: string, index: number): number {
  if (index >= text.length) return text.length
  const space = text.lastIndexOf(' ', index)
  return space >= 0 && index - space < 20 ? space : index
}
