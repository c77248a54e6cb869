import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { filesUnder, root } from './repository.ts'

/** Folders that need the platform, or hand it in. All others run wherever JavaScript does. */
const PLATFORM = /^src\/(node|entry|engine|server|cli)\//

const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  target: ts.ScriptTarget.ES2023,
  lib: [
    'lib.es2023.d.ts',
    'lib.es2024.string.d.ts',
    'lib.esnext.disposable.d.ts',
    'lib.dom.d.ts',
    'lib.dom.asynciterable.d.ts'
  ],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: []
}

/** A file that is not there, compiled with the others: only its errors show that the check works. */
const WITNESS = 'src/witness.ts'
const WITNESS_SOURCE = 'export const bytes = Buffer.from(process.cwd())'

/**
 * What the compiler says about source files where nothing of Node is known: Node's types are hidden,
 * for a dependency's own types may refer to them.
 */
function errorsWithoutNode(files: readonly string[]): string[] {
  const host = ts.createCompilerHost(OPTIONS)
  const { getSourceFile, fileExists } = host
  host.fileExists = name =>
    name.endsWith(WITNESS) || (fileExists(name) && !name.includes('/@types/node/'))
  host.getSourceFile = (name, target) =>
    name.endsWith(WITNESS)
      ? ts.createSourceFile(name, WITNESS_SOURCE, target)
      : getSourceFile(name, target)
  const paths = [...files, WITNESS].map(file => join(root, file))
  const program = ts.createProgram(paths, OPTIONS, host)
  return ts.getPreEmitDiagnostics(program).flatMap(({ file, messageText }) => {
    const path = file?.fileName.slice(root.length + 1) ?? 'no file'
    const [text] = ts.flattenDiagnosticMessageText(messageText, ' ').split('. ')
    return path.startsWith('node_modules/') ? [] : [`${path}: ${text}`]
  })
}

test('the layers from vector to collection know nothing of Node', () => {
  const files = filesUnder('src').filter(file => file.endsWith('.ts') && !PLATFORM.test(file))
  expect(files).toContain('src/encoder/session.ts')
  expect(errorsWithoutNode(files)).toEqual([
    `${WITNESS}: Cannot find name 'Buffer'`,
    `${WITNESS}: Cannot find name 'process'`
  ])
})
