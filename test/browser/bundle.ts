import { join } from 'node:path'
import { type OutputChunk, rolldown } from 'rolldown'
import { root } from '../house/repository.ts'

/** What a bundler makes of a program for a browser. */
export interface BrowserBundle {
  /** Code by the name of its file; the program itself is `main.js`. */
  readonly files: ReadonlyMap<string, string>
  /** What the program needs at once: `main.js` and what that imports, minified. */
  readonly eagerCode: string
  /** Specifiers that were left in the code, as no file was found for them. */
  readonly leftOver: readonly string[]
}

/**
 * Bundles a program as an application would: `esplanade/...` is the built package, through the
 * condition `browser` of its `exports`.
 */
export async function bundleForBrowser(source: string): Promise<BrowserBundle> {
  // A file that is not there, in the folder whose package.json is that of the package.
  const program = join(root, 'test/browser/main.js')
  const bundle = await rolldown({
    input: program,
    platform: 'browser',
    logLevel: 'silent',
    plugins: [
      {
        name: 'program',
        resolveId: id => (id === program ? id : undefined),
        load: id => (id === program ? source : undefined)
      }
    ]
  })
  try {
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    const chunks = output.filter(part => part.type === 'chunk')
    const files = new Map(chunks.map(({ fileName, code }) => [fileName, code]))
    const specifiers = chunks.flatMap(({ imports, dynamicImports }) => [
      ...imports,
      ...dynamicImports
    ])
    return {
      files,
      eagerCode: eagerChunks(chunks)
        .map(({ code }) => code)
        .join('\n'),
      leftOver: [...new Set(specifiers)].filter(name => !files.has(name)).sort()
    }
  } finally {
    await bundle.close()
  }
}

/** `main.js` and all that it imports, not what it may import later. */
function eagerChunks(chunks: readonly OutputChunk[]): OutputChunk[] {
  const names = new Set(['main.js'])
  // A set that grows while it is gone through is gone through to its end.
  for (const name of names) {
    for (const next of chunks.find(chunk => chunk.fileName === name)?.imports ?? []) names.add(next)
  }
  return chunks.filter(({ fileName }) => names.has(fileName))
}
