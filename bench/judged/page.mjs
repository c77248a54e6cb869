import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

/**
 * Tables of text cells, for people and in a page of the documentation.
 *
 * @typedef {{ head: string[], body: string[][] }} Table
 */

/** @param {Table} table */
export function textOf({ head, body }) {
  const lines = [head, ...body]
  const widths = head.map((_, i) => Math.max(...lines.map(cells => cells[i].length)))
  const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
  return `${lines.map(cells => cells.map(pad).join('  ').trimEnd()).join('\n')}\n`
}

/** @param {Table} table */
export function markdownOf({ head, body }) {
  const line = cells => `| ${cells.join(' | ')} |`
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'))
  return [head, rule, ...body].map(line).join('\n')
}

/**
 * Puts tables in the places of a page that are kept for them: between `<!-- table NAME -->` and the
 * next `<!-- end -->`.
 *
 * @param {string} page a file of `docs/`
 * @param {Record<string, Table>} tables
 */
export function storeTables(page, tables) {
  const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url))
  let text = readFileSync(path, 'utf8')
  for (const [name, table] of Object.entries(tables)) {
    const start = `<!-- table ${name} -->\n`
    const from = text.indexOf(start) + start.length
    const to = text.indexOf('<!-- end -->', from)
    if (from < start.length || to < 0) throw new Error(`docs/${page} has no place for ${name}`)
    text = `${text.slice(0, from)}\n${markdownOf(table)}\n\n${machine()}\n\n${text.slice(to)}`
  }
  writeFileSync(path, text)
}

/** Where and when the figures of a table were measured. */
export function machine() {
  const [{ model }] = cpus()
  const date = new Date().toISOString().slice(0, 10)
  const cores = cpus().length
  // One of them is this program, and the runtime has a thread for each.
  const [load] = loadavg()
  const others =
    load > cores + 1
      ? ` Other work ran beside it (load average ${load.toFixed(0)}): only the ratios count.`
      : ''
  return `${date}, ${model.trim()}, ${cores} cores, Node ${process.version}.${others}`
}
