import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sharedMissing, sharedPath } from '../shared.ts'
import { agrees, type CodeBlock, codeBlocks } from './code-blocks.ts'
import { DocWorkshop } from './doc-workshop.ts'
import { filesUnder, read, root } from './repository.ts'

/**
 * Every `ts`, `js` and `sh` block of the documents is compiled and run as it stands, from the top of
 * a document to its end, in one folder per document.
 *
 * - A `ts` block marked `continued` follows the blocks before it in one program.
 * - A `text` block right behind a block is what it prints.
 * - A block marked `file=NAME` is written to that file instead of being run.
 * - A block marked `browser` is run in a page, by `test/browser/encode.test.ts`.
 */
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs', 'examples']
  .flatMap(path => (path.endsWith('.md') ? [path] : filesUnder(path)))
  .filter(file => file.endsWith('.md') && existsSync(join(root, file)))
  .map(file => ({ file, blocks: codeBlocks(read(file), file) }))

/** Lines of a shell that are not run, with the reason. Every other line is. */
const NOT_RUN: readonly (readonly [line: RegExp, reason: string])[] = [
  [/^(npm|pnpm|yarn|bun) (i|install|add) /, 'installs from a registry; the tests have the package'],
  [/^ONNXRUNTIME_NODE_INSTALL=skip npm i /, 'installs from a registry'],
  [/^git clone /, 'fetches the repository; the tests are in it'],
  [/^cd esplanade$/, 'follows git clone'],
  [/^npm ci$/, 'installs the repository; the tests run in it'],
  [/^npm (test|run (build|check|format))\b/, 'what the tests are run by'],
  [/^\.ci\/run$/, 'runs the tests'],
  [/^npx vitest /, 'runs the tests'],
  [/^npm run (quickstart|bench|figures)\b/, 'takes minutes; it has tests of its own']
]

/** What else a line may begin with: nothing here leaves the folder of the document. */
const RUN = /^(npx )?esplanade |^(echo|printf|cat|mkdir|head|ls) /

function shellLines({ code, place }: CodeBlock): string[] {
  const lines = code.replaceAll('\\\n', ' ').split('\n')
  return lines.filter(line => {
    const isComment = line.trim() === '' || line.startsWith('#')
    if (isComment || NOT_RUN.some(([pattern]) => pattern.test(line))) return false
    if (!RUN.test(line)) throw new Error(`${place}: "${line}" is neither run nor listed in NOT_RUN`)
    return true
  })
}

const isProgram = ({ language, marks }: CodeBlock) =>
  (language === 'ts' || language === 'js') && !marks.includes('browser')
const isRun = (block: CodeBlock) =>
  isProgram(block) || block.language === 'sh' || fileOf(block) !== undefined

/** The program that a block is, with the blocks that it continues. */
function programOf(block: CodeBlock, blocks: readonly CodeBlock[]): string {
  if (!block.marks.includes('continued')) return block.code
  const before = blocks.slice(0, blocks.indexOf(block)).findLast(isProgram)
  if (before === undefined) throw new Error(`${block.place} continues nothing`)
  return `${programOf(before, blocks)}\n${block.code}`
}

function expectOutput(printed: string, expected: string | undefined): void {
  // On disagreement vitest shows the two texts side by side.
  if (expected !== undefined && !agrees(printed, expected)) expect(printed).toBe(expected)
}

/** The file that a block is written to instead of being run. */
function fileOf({ marks }: CodeBlock): string | undefined {
  return marks.find(mark => mark.startsWith('file='))?.slice('file='.length)
}

/** The programs of one document share a folder; a continued one prints again what came before. */
class DocumentRun {
  readonly workshop: DocWorkshop = new DocWorkshop()
  readonly #blocks: readonly CodeBlock[]
  #printedBefore = ''

  constructor(blocks: readonly CodeBlock[]) {
    this.#blocks = blocks
  }

  run(block: CodeBlock): void {
    const file = fileOf(block)
    if (file !== undefined) this.workshop.write(file, block.code)
    else if (isProgram(block)) this.#runProgram(block)
    else this.#runShell(block)
  }

  #runProgram(block: CodeBlock): void {
    const program = programOf(block, this.#blocks)
    const { status, stdout, stderr } = this.workshop.runModule('program.js', program)
    expect(status, stderr).toBe(0)
    const isRepeated = block.marks.includes('continued') && stdout.startsWith(this.#printedBefore)
    expectOutput(isRepeated ? stdout.slice(this.#printedBefore.length) : stdout, block.output)
    this.#printedBefore = stdout
  }

  #runShell(block: CodeBlock): void {
    const lines = shellLines(block)
    if (lines.length === 0) return
    const { status, stdout, stderr } = this.workshop.runShell(lines.join('\n'))
    expect(status, stderr).toBe(0)
    expectOutput(stdout, block.output)
  }
}

test('the README shows a program and a command', () => {
  const languages = documents.find(({ file }) => file === 'README.md')?.blocks.map(b => b.language)
  expect(languages).toEqual(expect.arrayContaining(['ts', 'sh']))
})

describe.each(documents.filter(({ blocks }) => blocks.some(isRun)))('$file', ({ file, blocks }) => {
  let document: DocumentRun
  beforeAll(() => {
    document = new DocumentRun(blocks)
  })
  afterAll(() => document.workshop.close())

  for (const block of blocks.filter(isRun)) {
    const missing = block.code.includes('../shared') && sharedPath('.') === undefined
    const noShell = block.language === 'sh' && process.platform === 'win32'
    const reason = missing ? sharedMissing : noShell ? 'no POSIX shell' : undefined
    test(`${block.language} block at ${block.place}`, context => {
      context.skip(reason !== undefined, reason)
      document.run(block)
    })
  }

  test('its programs have the right types', () => {
    const programs = blocks.filter(block => block.language === 'ts' && fileOf(block) === undefined)
    const files = programs.map((_, i) => `block-${i}.ts`)
    programs.forEach((block, i) => {
      document.workshop.write(files[i]!, `${programOf(block, blocks)}\nexport {}\n`)
    })
    expect(document.workshop.typeErrors(files), `blocks of ${file} in order`).toEqual([])
  })
})

describe('the reader of blocks', () => {
  test('finds them with place, marks and output', () => {
    const markdown =
      'a\n```ts continued\nx\n```\nprints:\n\n```text\n1\n```\n\n- b\n  ```sh\n  y\n  ```\n'
    expect(codeBlocks(markdown, 'a.md')).toEqual([
      { place: 'a.md:2', language: 'ts', marks: ['continued'], code: 'x\n', output: '1\n' },
      { place: 'a.md:7', language: 'text', marks: [], code: '1\n', output: undefined },
      { place: 'a.md:12', language: 'sh', marks: [], code: 'y\n', output: undefined }
    ])
  })

  test.each([
    ['13.0551 fox\n', '13.06 fox', true],
    ['13.08 fox', '13.06 fox', false],
    ['12 hits', '13 hits', false],
    ['12 hits in 3.9 ms', '12 hits in … ms', true],
    ['12 hits', '12 hits and more', false],
    ['a\nb\nc\nd', 'a\n…\nd', true],
    ['a\nb\nc\ne', 'a\n…\nd', false],
    ['a\nb', 'a\n…', true],
    ['a (b)', 'a .b.', false]
  ])('%j against %j', (printed, expected, result) => {
    expect(agrees(printed, expected)).toBe(result)
  })

  test('a shell line that nobody thought of is an error', () => {
    const block = { place: 'a.md:1', language: 'sh', marks: [], output: undefined }
    expect(() => shellLines({ ...block, code: 'rm -r x' })).toThrow('a.md:1: "rm -r x"')
    const code = 'npm i esplanade\nnpx esplanade search d \\\n  "q"\n'
    expect(shellLines({ ...block, code })).toEqual(['npx esplanade search d    "q"'])
  })

  test('a program with a wrong type, and one that fails, are noticed', () => {
    const workshop = new DocWorkshop()
    try {
      workshop.write('wrong.ts', 'const n: number = "text"\nexport {}\n')
      expect(workshop.typeErrors(['wrong.ts'])[0]).toMatch(/^wrong.ts:1: Type 'string'/)
      expect(workshop.runModule('a.js', 'const n: number = 1; process.exit(n)').status).toBe(1)
      if (process.platform !== 'win32') expect(workshop.runShell('false\ntrue').status).toBe(1)
    } finally {
      workshop.close()
    }
  })
})
