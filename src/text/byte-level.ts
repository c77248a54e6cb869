/**
 * GPT-2's way to write any bytes as text: each byte has a visible character, which is its own where
 * Latin-1 has one (`a` is `a`), else one from U+0100 on (a blank is `Ġ`). Vocabularies of byte-level
 * models are written so.
 */
export const CHARACTER_OF_BYTE: readonly string[] = charactersOfBytes()

function charactersOfBytes(): string[] {
  let numHidden = 0
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad)
    return String.fromCharCode(isVisible ? byte : 0x100 + numHidden++)
  })
}

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte])
)

/** The bytes that a term of a byte-level vocabulary spells; undefined if it is not written so. */
export function bytesOf(term: string): Uint8Array | undefined {
  const bytes = Array.from(term, character => BYTE_OF_CHARACTER.get(character))
  return bytes.every(byte => byte !== undefined) ? Uint8Array.from(bytes) : undefined
}

/** The text that bytes spell, or undefined if they are no whole characters of UTF-8. */
export function decodeBytes(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
