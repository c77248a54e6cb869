/**
 * Vectors are keyed by passage: the document's key, and behind a NUL the passage's number where the
 * document has several. No document key holds a NUL, so nothing can be mistaken for another.
 */
const SEPARATOR = '\0'

export function passageKey(documentKey: string, passageIndex: number, numPassages: number): string {
  return numPassages === 1 ? documentKey : `${documentKey}${SEPARATOR}${passageIndex}`
}

/** The document that a passage belongs to, and which of its passages it is. */
export function parsePassageKey(key: string): { documentKey: string; passageIndex: number } {
  const end = key.indexOf(SEPARATOR)
  if (end < 0) return { documentKey: key, passageIndex: 0 }
  return { documentKey: key.slice(0, end), passageIndex: Number(key.slice(end + 1)) }
}
