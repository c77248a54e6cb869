import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { filesUnder, read, root } from './repository.ts'

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
  .concat(['docs', 'examples', 'models'].flatMap(filesUnder))
  .filter(file => file.endsWith('.md') && existsSync(`${root}/${file}`))

/** Places of the repository that a text names: links, and paths in full (not `src/NAME.ts`). */
function namedPaths(file: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#:\s]+)[^):]*\)/g)].map(([, link]) =>
    posix.join(posix.dirname(file), link!)
  )
  const folders = 'src|test|docs|scripts|bench|models|\\.ci'
  const paths = text.matchAll(new RegExp(`(?<![\\w./-])((?:${folders})/[\\w./-]*\\w)`, 'g'))
  return [...links, ...[...paths].map(([, path]) => path!)].filter(path => !/[A-Z]{4}\b/.test(path))
}

test('a path that a document names is there', () => {
  const missing = documents.flatMap(file =>
    namedPaths(file, read(file))
      .filter(path => !existsSync(`${root}/${path}`))
      .map(path => `${file} names ${path}`)
  )
  expect(missing).toEqual([])
})

test('a document that a comment names is there', () => {
  const missing = filesUnder('src').flatMap(file =>
    (read(file).match(/\bdocs\/[\w./-]*\w/g) ?? [])
      .filter(path => !existsSync(`${root}/${path}`))
      .map(path => `${file} names ${path}`)
  )
  expect(missing).toEqual([])
})

test('links and paths are found', () => {
  const text = '[a](../b.md#c) `src/x/y.ts`, dist/src/z.ts, https://a.b/docs/c, src/NAME.ts.'
  expect(namedPaths('docs/a.md', text)).toEqual(['b.md', 'src/x/y.ts'])
})
