import { describe, expect, test } from 'vitest'
import { eagerRuntimeImports, importProblems, importsOf, runtimeImporters } from './import-rules.ts'
import { filesUnder, read } from './repository.ts'

const sources = filesUnder('src').filter(file => /\.ts$/.test(file) && !/\.test\.ts$/.test(file))
const graph = new Map(sources.map(file => [file, importsOf(read(file))]))

describe('the source', () => {
  test('imports lower layers only, without a cycle', () => {
    expect(sources).toContain('src/encoder/session.ts')
    expect(importProblems(graph)).toEqual([])
  })

  test('imports ONNX Runtime in one file, and only when a session is made', () => {
    expect(runtimeImporters(graph)).toEqual(['src/encoder/session.ts'])
    expect(eagerRuntimeImports(read('src/encoder/session.ts'))).toEqual([])
  })

  test('is what benchmarks, examples and scripts reach by the name of the package', () => {
    const users = ['bench', 'examples', 'repro', 'scripts'].flatMap(filesUnder)
    const reaching = users
      .filter(file => /\.(mjs|js|ts)$/.test(file))
      .filter(file => importsOf(read(file)).some(name => /^\.\.?\/.*\b(src|dist)\//.test(name)))
    expect(reaching).toEqual([])
  })
})

describe('each rule can fail:', () => {
  /** A made-up graph: every file named on a line, followed by what it imports. */
  const problemsOf = (...lines: string[]) =>
    importProblems(
      new Map(
        lines.map(line => {
          const [file, ...specifiers] = line.split(' ')
          return [`src/${file}`, specifiers]
        })
      )
    )

  test('a sound graph has no problem', () => {
    expect(
      problemsOf(
        'errors.ts',
        'progress.ts ./errors.ts',
        'vector/a.ts ../errors.ts ../progress.ts',
        'text/a.ts ../vector/a.ts some-package',
        'encoder/session.ts ../text/a.ts ../vector/a.ts onnxruntime-node',
        'node/a.ts node:fs ../encoder/session.ts',
        'entry/a.ts ../node/a.ts ../encoder/session.ts ./b.ts',
        'entry/b.ts',
        'cli/a.ts node:process esplanade esplanade/encoder ./b.ts',
        'cli/b.ts'
      )
    ).toEqual([])
  })

  test.each([
    ['a higher layer', ['vector/a.ts ../text/a.ts', 'text/a.ts'], 'vector (layer 0) stands below'],
    ['the same layer', ['text/a.ts ../eval/a.ts', 'eval/a.ts'], 'do not know each other'],
    ['a layer, from below all', ['errors.ts ./vector/a.ts', 'vector/a.ts'], 'below all layers'],
    [
      'progress from errors',
      ['errors.ts ./progress.ts', 'progress.ts'],
      'stands below src/progress'
    ],
    ['a folder without a layer', ['misc/a.ts'], 'src/misc/a.ts: its folder has no layer'],
    ['a file that is not there', ['text/a.ts ./b.ts'], 'src/text/b.ts is no file'],
    ['node:* in a pure folder', ['text/a.ts node:fs'], 'touch the platform'],
    ['a builtin without its prefix', ['search/a.ts fs/promises'], 'touch the platform'],
    ['src/node from a layer', ['search/a.ts ../node/a.ts', 'node/a.ts'], 'only src/entry hands in'],
    [
      'src/node from src/browser',
      ['browser/a.ts ../node/a.ts', 'node/a.ts'],
      'only src/entry hands in what src/node holds'
    ],
    ['layer 7 from src/node', ['node/a.ts ../server/a.ts', 'server/a.ts'], 'below layers 7 and 8'],
    ['an entry point', ['search/a.ts ../entry/a.ts', 'entry/a.ts'], 'nothing imports src/entry'],
    ['the command line', ['entry/a.ts ../cli/a.ts', 'cli/a.ts'], 'nothing imports src/cli'],
    ['the library from the command line', ['cli/a.ts ../eval/a.ts', 'eval/a.ts'], 'its own name'],
    ['the package by name, inside it', ['search/a.ts esplanade/text'], 'by its own name'],
    ['ONNX Runtime elsewhere', ['text/a.ts onnxruntime-web'], 'src/encoder/session.ts only'],
    ['itself', ['text/a.ts ./a.ts'], 'import cycle: src/text/a.ts → src/text/a.ts'],
    [
      'itself over others',
      ['text/a.ts ./b.ts', 'text/b.ts ./c.ts', 'text/c.ts ./b.ts'],
      'import cycle: src/text/b.ts → src/text/c.ts → src/text/b.ts'
    ]
  ])('importing %s', (_, lines, problem) => {
    const problems = problemsOf(...lines)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
    expect(problems[0]).toContain(`src/${lines[0]!.split(' ')[0]!.split('/')[0]}`)
  })

  test('every way to import is seen', () => {
    const source = `
      import type { A } from 'a'; import { b } from 'b'; import 'c'
      export * from 'd'; export type { E } from 'e'
      const f = await import('f'); type G = typeof import('g'); const no = "import 'h'"`
    expect(importsOf(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  })

  test('an eager import of ONNX Runtime is seen', () => {
    const name = 'onnxruntime-node'
    expect(eagerRuntimeImports(`import { Tensor } from '${name}'`)).toEqual([name])
    expect(eagerRuntimeImports(`import '${name}'`)).toEqual([name])
    expect(eagerRuntimeImports(`export { Tensor } from '${name}'`)).toEqual([name])
    expect(eagerRuntimeImports(`import type { Tensor } from '${name}'`)).toEqual([])
    expect(eagerRuntimeImports(`await import('${name}')`)).toEqual([])
  })
})
