import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const repository = fileURLToPath(new URL('../..', import.meta.url))

/**
 * A folder with the store and the lock as JavaScript, for programs of their own: Node 20 does not run
 * TypeScript, and `dist` may be older than the source. Programs import `./src/node/…js`.
 */
export function programFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-programs-'))
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const transpiled = new Set<string>()
  for (const start of ['src/node/lmdb-store.ts', 'src/node/writer-lock.ts']) {
    transpile(start, folder, transpiled)
  }
  return folder
}

function transpile(file: string, folder: string, done: Set<string>): void {
  if (done.has(file)) return
  done.add(file)
  const { outputText } = ts.transpileModule(readFileSync(join(repository, file), 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true
    }
  })
  const target = join(folder, file.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, outputText)
  for (const [, name] of outputText.matchAll(/from ["'](\.[^"']+)\.js["']/g)) {
    transpile(join(dirname(file), `${name}.ts`), folder, done)
  }
}

/** Writes a program beside the transpiled source and gives its path. */
export function writeProgram(folder: string, name: string, source: string): string {
  const path = join(folder, name)
  writeFileSync(path, source)
  return path
}
