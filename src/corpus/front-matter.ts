import { parseDocument } from 'yaml'
import { isJsonObject, jsonProblem, type Metadata } from './metadata.ts'

/** A text without its front matter, and what that said. */
export interface FrontMatter {
  readonly metadata: Metadata
  readonly body: string
}

/** Front matter that is not YAML; lines count from the start of the file, from 1. */
export interface FrontMatterProblem {
  readonly problem: string
  readonly line: number
}

/**
 * Takes off YAML front matter: a first line `---`, a mapping, and a line `---` or `...`.
 *
 * A text that begins with `---` and goes on with a blank line or with prose has no front matter but
 * a thematic break, and comes back whole. YAML is read with its core schema: dates stay strings, no tags make objects,
 * and the aliases of a "billion laughs" are refused.
 */
export function takeFrontMatter(source: string): FrontMatter | FrontMatterProblem {
  const opening = /^---[ \t]*\r?\n(?![ \t]*\r?\n)/.exec(source)
  const closing = /^(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/m
  const rest = opening === null ? '' : source.slice(opening[0].length)
  const end = closing.exec(rest)
  if (opening === null || end === null) return { metadata: {}, body: source }
  const body = rest.slice(end.index + end[0].length)
  let value: unknown
  try {
    const yaml = parseDocument(rest.slice(0, end.index), { logLevel: 'silent' })
    const error = yaml.errors[0]
    if (error !== undefined) {
      // The library adds a drawing of the place below its first line.
      const reason = error.message.split('\n', 1)[0]!.replace(/ at line .*$/, '')
      return { problem: `front matter: ${reason}`, line: 1 + (error.linePos?.[0].line ?? 1) }
    }
    value = yaml.toJS()
  } catch (error) {
    return { problem: `front matter: ${(error as Error).message}`, line: 1 }
  }
  if (value === null) return { metadata: {}, body }
  if (!isJsonObject(value)) return { metadata: {}, body: source }
  const problem = jsonProblem(value)
  if (problem !== undefined) return { problem: `front matter ${problem}`, line: 1 }
  return { metadata: value, body }
}
