/**
 * Chunks of text as lines. A line ends with LF, or CR LF, and nothing else: JSON may hold other
 * separators (U+2028) inside its strings, at which `node:readline` would cut.
 */
export async function* splitLines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
  if (rest !== '') yield rest
}
