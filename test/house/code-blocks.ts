/** A fenced block of code in a document. */
export interface CodeBlock {
  /** `README.md:12`, where the block begins. */
  readonly place: string
  /** The first word behind the fence. */
  readonly language: string
  /** The other words behind the fence: `continued`, `file=notes.jsonl`. */
  readonly marks: readonly string[]
  readonly code: string
  /** What a `text` block right behind it says that it prints. */
  readonly output: string | undefined
}

/** A fence, its words, the code and the same fence again; all indented alike in a list. */
const FENCED = /^( *)(`{3,}|~{3,})([^\n`]*)\n((?:[^\n]*\n)*?)\1\2 *$/gm

/** The fenced blocks of a Markdown document, in order. */
export function codeBlocks(markdown: string, file: string): CodeBlock[] {
  const found = [...markdown.replaceAll('\r\n', '\n').matchAll(FENCED)].map(match => {
    const [whole, indent = '', , info = '', code = ''] = match
    const [language = '', ...marks] = info.trim().split(/\s+/)
    const line = match.input.slice(0, match.index).split('\n').length
    return {
      block: { place: `${file}:${line}`, language, marks, code: dedent(code, indent) },
      start: match.index,
      end: match.index + whole.length
    }
  })
  return found.map(({ block, end }, i) => {
    const next = found[i + 1]
    if (next?.block.language !== 'text') return { ...block, output: undefined }
    const between = markdown.slice(end, next.start).trim()
    // One line may lead from the code to what it prints.
    return { ...block, output: between.includes('\n') ? undefined : next.block.code }
  })
}

function dedent(code: string, indent: string): string {
  return code.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
}

/**
 * Whether a program printed what a document says. Numbers agree to the digits that the document
 * gives, up to one in the last place; `…` stands for any text within a line, and for any lines where
 * it stands alone.
 */
export function agrees(printed: string, expected: string): boolean {
  const numbers: string[] = []
  const pattern = trimmed(expected)
    .split(/(^ *…\n|^ *…$|…|-?\d+(?:\.\d+)?)/m)
    .map((part, i) => {
      if (i % 2 === 0) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
      if (part === '…') return '[^\\n]*'
      if (part.includes('…')) return '(?:[^\\n]*(?:\\n|$))*'
      numbers.push(part)
      return '(-?\\d+(?:\\.\\d+)?)'
    })
  const found = new RegExp(`^${pattern.join('')}$`).exec(trimmed(printed))
  if (found === null) return false
  return numbers.every((number, i) => {
    const numDecimals = number.split('.')[1]?.length ?? 0
    if (numDecimals === 0) return found[i + 1] === number
    return Math.abs(Number(found[i + 1]) - Number(number)) <= 1.001 * 10 ** -numDecimals
  })
}

/** Without spaces at the ends of lines and empty lines at the end. */
function trimmed(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, '').trimEnd()
}
