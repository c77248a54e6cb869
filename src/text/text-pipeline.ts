import type { TokenSink } from './token-sink.ts'

/**
 * Turns stretches of text that hold no added token into tokens. Both methods give the same ids;
 * {@link tokenize} is the faster one and leaves the places out.
 */
export interface TextPipeline {
  /** Appends the tokens of `text.slice(from, to)`, without offsets. */
  tokenize(text: string, from: number, to: number, sink: TokenSink): void
  /** Appends the tokens of `text.slice(from, to)` with their offsets into `text`. */
  encode(text: string, from: number, to: number, sink: TokenSink): void
}

/** Words whose tokens a pipeline remembers; when they are so many, the memory starts afresh. */
export const MAX_REMEMBERED = 32_768

/**
 * Longest word that is remembered, in UTF-16 units. V8 keeps the whole text alive behind a slice of
 * more than 12, so remembering longer words would keep documents in memory.
 */
export const MAX_REMEMBERED_LENGTH = 12
