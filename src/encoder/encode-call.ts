import type { Encode, TextOptions } from './sparse-encoder.ts'

/**
 * Encodes a stream of texts. It throws nothing by itself: what is wrong with the options is told when
 * the first vector is asked for.
 *
 * @param total - how many texts there are, where that is known
 */
export type EncodeStream<Options, Vector> = (
  texts: AsyncIterable<string> | Iterable<string>,
  options: Options | undefined,
  total?: number
) => AsyncGenerator<Vector>

/** The one call for a text, several, or a stream, over what encodes a stream. */
export function encodeCall<Options extends TextOptions, Vector>(
  encodeStream: EncodeStream<Options, Vector>
): Encode<Options, Vector> {
  const encodeAll = async (texts: readonly string[], options?: Options): Promise<Vector[]> => {
    const vectors: Vector[] = []
    for await (const vector of encodeStream(texts, options, texts.length)) {
      vectors.push(vector)
    }
    return vectors
  }
  const encodeOne = async (text: string, options?: Options): Promise<Vector> => {
    const [vector] = await encodeAll([text], options)
    return vector!
  }
  return ((texts: string | readonly string[] | AsyncIterable<string>, options?: Options) => {
    if (Array.isArray(texts)) return encodeAll(texts, options)
    // What is no text at all is refused as one, not as a stream that fails when it is read.
    return typeof texts === 'object' && texts !== null
      ? encodeStream(texts as AsyncIterable<string>, options)
      : encodeOne(texts as string, options)
  }) as Encode<Options, Vector>
}
