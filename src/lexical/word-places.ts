import { type Analyzer, WORD } from './analyzer.ts'

/** A word of a text that counts, and where it stands. */
export interface WordPlace {
  /** As it stands there, in lower case. */
  readonly word: string
  /** What the analyzer makes of it. */
  readonly stem: string
  /** `[start, end)` in UTF-16 units of the text. */
  readonly start: number
  readonly end: number
}

/** The words that an analyzer counts in a text, with their places, in their order. */
export function wordPlaces(text: string, analyzer: Analyzer): WordPlace[] {
  const lower = text.toLowerCase()
  const places = lower.length === text.length ? undefined : placesInLower(text)
  const found: WordPlace[] = []
  for (const { 0: word, index } of lower.matchAll(WORD)) {
    const [stem] = analyzer(word)
    if (stem === undefined) continue
    const end = index + word.length
    found.push({
      word,
      stem,
      start: places?.[index] ?? index,
      end: places === undefined ? end : places[end - 1]! + 1
    })
  }
  return found
}

/** For each UTF-16 unit of a text in lower case the unit that it came from: `İ` becomes two. */
function placesInLower(text: string): number[] {
  const places: number[] = []
  let start = 0
  for (const character of text) {
    for (let i = 0; i < character.toLowerCase().length; i++) {
      places.push(start + Math.min(i, character.length - 1))
    }
    start += character.length
  }
  return places
}
