import { wrap } from './display-width.ts'
import type { Terminal } from './terminal.ts'

/** A token of a text; `start` and `end` are UTF-16 offsets into it. */
export interface ShownToken {
  readonly token: string
  readonly id: number
  readonly start: number
  readonly end: number
  readonly special: boolean
}

/** The tokens of a text in lines; special ones and those that continue a word stand back. */
export function tokenLines(
  text: string,
  tokens: readonly ShownToken[],
  { columns, paint }: Pick<Terminal, 'columns' | 'paint'>
): string[] {
  // A token is one word of a line; where the terminal is narrower than it, several.
  const words = tokens.map(({ token }) => token.replace(/[\s\p{Cc}]/gu, '␣'))
  let index = 0
  let used = 0
  const painted = (part: string): string => {
    const token = tokens[index]
    const isDim = token && (token.special || continuesWord(text, tokens[index - 1], token))
    used += part.length
    if (used >= (words[index]?.length ?? 0)) {
      index++
      used = 0
    }
    return isDim ? paint(part, 'dim') : part
  }
  return wrap(words.join(' '), columns).map(line => line.split(' ').map(painted).join(' '))
}

/** A letter or digit; Chinese characters are words of their own. */
const IN_WORD = /(?!\p{Script=Han})[\p{L}\p{M}\p{N}]/u

/** WordPieces say by `##` that they continue a word; of other tokens their place tells it. */
function continuesWord(
  text: string,
  before: ShownToken | undefined,
  { token, start }: ShownToken
): boolean {
  if (token.startsWith('##')) return true
  if (before === undefined || before.end !== start || before.start === before.end) return false
  const last = Array.from(text.slice(before.start, start)).at(-1) ?? ''
  return IN_WORD.test(last) && IN_WORD.test(String.fromCodePoint(text.codePointAt(start) ?? 0))
}
