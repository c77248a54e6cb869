import type { SideTokenizer } from './side-tokenizer.ts'

/** What ColBERT does to the tokens of a text. */
export interface Marking {
  /** Put behind the first token, [CLS]; undefined: nothing. It counts. */
  readonly markerId: number | undefined
  /** A text of fewer tokens is filled up to so many; undefined: it is not. */
  readonly fill: { readonly length: number; readonly tokenId: number } | undefined
}

/** Marks texts as queries or documents, and fills them up. */
export function markedTokenizer(
  tokenizer: SideTokenizer,
  { markerId, fill }: Marking
): SideTokenizer {
  const numMarkers = markerId === undefined ? 0 : 1
  return {
    tokenize(text, { maxTokens }) {
      const { ids, numTruncated } = tokenizer.tokenize(text, { maxTokens: maxTokens - numMarkers })
      const length = ids.length + numMarkers
      const marked = new Uint32Array(Math.max(length, fill?.length ?? 0)).fill(fill?.tokenId ?? 0)
      marked.set(ids.subarray(0, 1))
      if (markerId !== undefined) marked[1] = markerId
      marked.set(ids.subarray(1), 1 + numMarkers)
      return { ids: marked, numTruncated }
    }
  }
}
