import { join } from 'node:path'
import ts from 'typescript'
import { root } from './repository.ts'

/** An entry point of the package: what users import, and where its types lie. */
export interface EntryPoint {
  /** `esplanade/encoder`. */
  readonly specifier: string
  /** `dist/entry/encoder.d.ts`. */
  readonly types: string
}

/** What each entry point exports, as text: values first, types behind `type`, sorted by name. */
export function publicSurface(entries: readonly EntryPoint[]): string {
  const files = entries.map(({ types }) => join(root, types))
  const program = ts.createProgram(files, {
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: []
  })
  const sections = entries.map(({ specifier }, i) => {
    const names = exportedNames(program, files[i]!)
    return [specifier, ...names.map(name => `  ${name}`)].join('\n')
  })
  return `${sections.join('\n\n')}\n`
}

function exportedNames(program: ts.Program, file: string): string[] {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file} is missing or no module: npm run build`)
  const symbols = checker.getExportsOfModule(module).map(symbol => ({
    name: symbol.name,
    isValue: (flagsOf(checker, symbol) & ts.SymbolFlags.Value) !== 0
  }))
  return symbols
    .sort((a, b) => Number(b.isValue) - Number(a.isValue) || (a.name < b.name ? -1 : 1))
    .map(({ name, isValue }) => (isValue ? name : `type ${name}`))
}

function flagsOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.SymbolFlags {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
  return (isAlias ? checker.getAliasedSymbol(symbol) : symbol).flags
}
