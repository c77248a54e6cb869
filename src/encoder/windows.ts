/**
 * Cuts a stream of texts into windows, inside which texts may be reordered into batches. A window
 * is bounded in texts and in characters, so that a stream of large texts takes no more memory than
 * one of small ones.
 */
const WINDOW_TEXTS = 512
const WINDOW_CHARACTERS = 4_000_000

/** @yields non-empty arrays of consecutive texts, in order */
export async function* windowsOf(
  texts: AsyncIterable<string> | Iterable<string>
): AsyncGenerator<string[]> {
  let window: string[] = []
  let numCharacters = 0
  for await (const text of texts) {
    window.push(text)
    numCharacters += typeof text === 'string' ? text.length : 0
    if (window.length >= WINDOW_TEXTS || numCharacters >= WINDOW_CHARACTERS) {
      yield window
      window = []
      numCharacters = 0
    }
  }
  if (window.length > 0) yield window
}
