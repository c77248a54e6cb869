import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'

/**
 * The rules of who may import whom, checked on the source itself. `ARCHITECTURE.md` says what the
 * folders are for.
 */

/** Files of `src/` by path (`src/encoder/bert.ts`), with the specifiers that each imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/** An import may point to an earlier layer only, or stay within its own folder. */
const LAYERS: readonly (readonly string[])[] = [
  ['vector'],
  ['text', 'corpus', 'kernel', 'eval'],
  ['encoder', 'lexical', 'segment'],
  ['search', 'fusion', 'filter'],
  ['rerank'],
  ['explain'],
  ['collection', 'train', 'tune'],
  ['engine', 'server'],
  ['cli']
]

/** These lie in `src/` itself, below all layers; each may import those before it. */
const FOUNDATION: readonly string[] = ['errors.ts', 'progress.ts']

/** Folders that import the package by its own name, as any user of it does. */
const BY_OWN_NAME = new Set(['engine', 'server', 'cli'])

/** Folders that may touch the platform. */
const ON_NODE = new Set(['node', 'server', 'cli'])

/** Folders whose content only `src/entry` hands in: each is for one platform. */
const PLATFORMS = ['node', 'browser']

const isRuntime = (specifier: string) => /^#?onnxruntime/.test(specifier)

/** The one file that imports ONNX Runtime. */
const RUNTIME_FILE = 'src/encoder/session.ts'

/** Every import of a module: static, dynamic, re-exported, of types only, inside a type. */
export function importsOf(source: string): string[] {
  return ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName)
}

/** What is wrong with the imports, one sentence each that names the file and the rule. */
export function importProblems(graph: ImportGraph): string[] {
  const problems: string[] = []
  for (const [file, specifiers] of graph) {
    if (!isKnown(partOf(file))) {
      problems.push(`${file}: its folder has no layer; give it one in test/house/import-rules.ts`)
      continue
    }
    for (const specifier of specifiers) {
      const problem = specifier.startsWith('.')
        ? relativeProblem(file, specifier, graph)
        : packageProblem(file, specifier)
      if (problem !== undefined) problems.push(`${file} imports ${specifier}: ${problem}`)
    }
  }
  return [...problems, ...importCycles(graph).map(cycle => `import cycle: ${cycle.join(' → ')}`)]
}

/** The part of the source that a file belongs to: its folder, or the file itself. */
function partOf(file: string): string {
  return file.split('/')[1]!
}

function isKnown(part: string): boolean {
  return (
    FOUNDATION.includes(part) || layerOf(part) >= 0 || PLATFORMS.includes(part) || part === 'entry'
  )
}

function layerOf(part: string): number {
  return LAYERS.findIndex(layer => layer.includes(part))
}

function packageProblem(file: string, specifier: string): string | undefined {
  const part = partOf(file)
  if (isBuiltin(specifier) && !ON_NODE.has(part)) {
    return `only src/${[...ON_NODE].join(', src/')} touch the platform`
  }
  if (/^esplanade(\/|$)/.test(specifier) && !BY_OWN_NAME.has(part)) {
    return `only src/${[...BY_OWN_NAME].join(', src/')} import the package by its own name`
  }
  if (isRuntime(specifier) && file !== RUNTIME_FILE) {
    return `ONNX Runtime is imported in ${RUNTIME_FILE} only`
  }
  return undefined
}

function relativeProblem(file: string, specifier: string, graph: ImportGraph): string | undefined {
  const target = resolveImport(file, specifier)
  if (!graph.has(target)) return `${target} is no file of the source`
  const from = partOf(file)
  const to = partOf(target)
  if (from === to) return undefined
  if (BY_OWN_NAME.has(from)) return `src/${from} imports the package by its own name, esplanade/...`
  if (to === 'cli' || to === 'entry') return `nothing imports src/${to}`
  if (from === 'entry') return undefined
  if (PLATFORMS.includes(to)) return `only src/entry hands in what src/${to} holds`
  if (FOUNDATION.includes(to)) {
    const isAbove = !FOUNDATION.includes(from) || FOUNDATION.indexOf(from) > FOUNDATION.indexOf(to)
    return isAbove ? undefined : `src/${from} stands below src/${to}`
  }
  if (FOUNDATION.includes(from)) return `src/${from} stands below all layers`
  if (PLATFORMS.includes(from)) {
    return BY_OWN_NAME.has(to) ? `src/${from} stands below layers 7 and 8` : undefined
  }
  if (layerOf(from) > layerOf(to)) return undefined
  return layerOf(from) === layerOf(to)
    ? `src/${from} and src/${to} are of one layer and do not know each other`
    : `src/${from} (layer ${layerOf(from)}) stands below src/${to} (layer ${layerOf(to)})`
}

function resolveImport(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier)
}

/** Every cycle that a depth-first walk meets, as a path that ends where it began. */
function importCycles(graph: ImportGraph): string[][] {
  const cycles: string[][] = []
  const finished = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const start = path.indexOf(file)
    if (start >= 0) cycles.push([...path.slice(start), file])
    if (start >= 0 || finished.has(file)) return
    path.push(file)
    for (const specifier of graph.get(file) ?? []) {
      if (specifier.startsWith('.')) visit(resolveImport(file, specifier))
    }
    path.pop()
    finished.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return cycles
}

/** Files that import ONNX Runtime, in any way. */
export function runtimeImporters(graph: ImportGraph): string[] {
  return [...graph].filter(([, specifiers]) => specifiers.some(isRuntime)).map(([file]) => file)
}

/** Imports of ONNX Runtime that run when the file is loaded: static ones that are not of types. */
export function eagerRuntimeImports(source: string): string[] {
  const { statements } = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest)
  return statements.flatMap(statement => {
    const isImport = ts.isImportDeclaration(statement)
    if (!isImport && !ts.isExportDeclaration(statement)) return []
    const isOfTypes = isImport
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly
    const specifier = statement.moduleSpecifier
    if (isOfTypes || specifier === undefined || !ts.isStringLiteral(specifier)) return []
    return isRuntime(specifier.text) ? [specifier.text] : []
  })
}
