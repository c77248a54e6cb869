import { describe, expect, test } from 'vitest'
import { committedFiles, read } from './repository.ts'

/**
 * What no committed file may name: places of one machine, and the hosts of package registries (a
 * clone takes its packages from the registry that its own npm is set to).
 */
const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a path of one machine', /(?<![\w.~-])\/(work|root|home\/\w+|Users\/\w+)\//],
  ['a folder beside the project other than ../shared', /\.\.\/\.library/],
  ['the host of a registry', /registry\.\w+\.\w|npmjs\.org|pythonhosted\.org|pypi\.org|crates\.io/]
]

const BINARY = /\.(safetensors|onnx|esp|png|ico|gz)$/
const THIS_FILE = 'test/house/names.test.ts'

function problemsOf(file: string, content: string): string[] {
  return FORBIDDEN.flatMap(([what, pattern]) => {
    const index = content.search(pattern)
    return index < 0 ? [] : [`${file}:${content.slice(0, index).split('\n').length} names ${what}`]
  })
}

describe('no committed file', () => {
  const files = committedFiles()

  test('names a place of one machine or a registry', context => {
    if (files === undefined) return context.skip('not in a git checkout')
    expect(files).toContain('package-lock.json')
    const texts = files.filter(file => !BINARY.test(file) && file !== THIS_FILE)
    expect(texts.flatMap(file => problemsOf(file, read(file)))).toEqual([])
  })

  test.each([
    ['see /work/main', true],
    ['"/home/me/x"', true],
    ['https://registry.npmjs.org/x', true],
    ['../.library/x', true],
    ['a network/work/x, ../shared/models, ~/work/x', false]
  ])('%s: %s', (content, found) => {
    expect(problemsOf('a.md', content).length > 0).toBe(found)
  })
})
