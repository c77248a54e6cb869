/**
 * Writing a TREC run so that it means the same to every tool that reads it.
 *
 * A reader ignores the rank column: it sorts by score descending and then by document key
 * descending, on scores that it keeps in 32 bits (trec_eval up to 9.0, pytrec_eval, ir-measures) or
 * in 64 (trec_eval 10). Our own order breaks ties by insertion, and scores in float64 differ where
 * float32 sees a tie. So each printed score is the float32 nearest to the hit's score, and where
 * that is not below the score printed before it, the next float32 below that one. Printed scores of
 * a query thus fall strictly, in 32 and in 64 bits, and every reader sees our order. The price: a
 * score that stands alone is exact to float32 (6e-8 relative), the n-th of n tied ones is lower by
 * n - 1 steps of that size.
 */
import { EsplanadeError } from '../errors.ts'
import { excerpt } from './lines.ts'
import type { RunHit } from './run.ts'

const MAX_FLOAT32 = 3.4028234663852886e38
/** Below it float32 has fewer digits, and some processors read 0; steps around 0 are this wide. */
const MIN_NORMAL_FLOAT32 = 2 ** -126

/**
 * The lines (without line ends) of one query in a TREC run: `query id Q0 key rank score tag`. The
 * run of several queries is their lines one after the other. Scores have 6 to 9 significant digits
 * and fall strictly, so a tool that sorts again by score keeps the order of `hits`.
 *
 * @param hits in rank order: score descending, ties in the order to be kept; ranks count from 1
 * @param tag name of the system, the last column; default `esplanade`
 * @throws EsplanadeError `INVALID_KEY` when a key, the query id or the tag is empty or holds white
 *   space or a control character or half a surrogate pair (the format has no escape for them), or
 *   the query id begins with `#`; `RUN_INVALID` when a score is not finite in float32, is higher
 *   than the one before it, or a document stands twice
 */
export function formatRun(
  queryId: string,
  hits: readonly RunHit[],
  tag: string = 'esplanade'
): string[] {
  checkColumn(queryId, 'query id')
  checkColumn(tag, 'tag')
  const keys = new Set<string>()
  const lines: string[] = []
  let previous = Number.POSITIVE_INFINITY
  let printed = Number.POSITIVE_INFINITY
  for (const { key, score } of hits) {
    checkColumn(key, 'document key')
    if (keys.has(key)) throw invalid(queryId, `document ${excerpt(key)} stands twice`)
    if (!(Math.abs(score) <= MAX_FLOAT32)) {
      throw invalid(queryId, `score ${score} of ${excerpt(key)} is no finite float32 number`)
    }
    if (score > previous) {
      throw invalid(queryId, `score ${score} of ${excerpt(key)} is above ${previous} before it`)
    }
    keys.add(key)
    previous = score
    const nearest = Math.fround(score)
    printed = nearest < printed ? nearest : nextBelow(printed)
    lines.push(`${queryId} Q0 ${key} ${lines.length + 1} ${formatFloat32(printed)} ${tag}`)
  }
  return lines
}

const bits = new DataView(new ArrayBuffer(4))

/** The next smaller float32, except that steps from and to 0 go to the smallest normal numbers. */
function nextBelow(value: number): number {
  if (value > 0 && value <= MIN_NORMAL_FLOAT32) return 0
  if (value <= 0 && value > -MIN_NORMAL_FLOAT32) return -MIN_NORMAL_FLOAT32
  bits.setFloat32(0, value)
  // Sign and magnitude: towards 0 for a positive number, away from it for a negative one.
  bits.setInt32(0, bits.getInt32(0) + (value > 0 ? -1 : 1))
  return bits.getFloat32(0)
}

/** The fewest digits, at least 6, that read back as the same float32; 9 always do (IEEE 754). */
function formatFloat32(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return text
  }
  return value.toPrecision(9)
}

function checkColumn(text: string, column: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stand there
  const isSplit = /[\s\u0000-\u0020\u007F-\u00A0]|\p{Surrogate}/u.test(text)
  const isComment = column === 'query id' && text.startsWith('#')
  if (text !== '' && !isSplit && !isComment) return
  throw new EsplanadeError('INVALID_KEY', {
    place: `TREC run, ${column}`,
    problem: `${excerpt(text)} cannot be a column of a TREC run`,
    expected: 'no white space, no control character, not empty, no "#" before a query id',
    remedy: 'Use keys without white space, for instance with "_" in its place'
  })
}

function invalid(queryId: string, problem: string) {
  return new EsplanadeError('RUN_INVALID', {
    place: `query ${excerpt(queryId)}`,
    problem,
    expected: 'each document once, with finite scores in descending order',
    remedy: 'Sort the hits, or rank them by another score, before they are written'
  })
}
