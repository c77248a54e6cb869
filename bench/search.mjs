/**
 * How long a search takes: latency of single queries, exact and approximate, on real vectors, beside
 * other engines on the same vectors in the same run. Each side runs in fresh processes, in turn.
 *
 * Nothing is timed before the hits agree with the exhaustive search.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measure } from './search/measure.mjs'
import { HELP, optionsOf, UsageError } from './search/options.mjs'
import { storeRows, writePage } from './search/page.mjs'
import { tablesOf } from './search/tables.mjs'

try {
  process.exitCode = await main(optionsOf(process.argv.slice(2)))
} catch (error) {
  say(error.message)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

/**
 * @param {import('./search/options.mjs').Options} options
 * @returns {Promise<number>} exit status
 */
async function main(options) {
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  if (options.render) {
    writePage()
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-bench-'))
  try {
    const { rows, failures } = await measure(options, folder, say)
    if (options.store) {
      storeRows(rows)
      writePage()
    }
    process.stdout.write(options.json ? rows.map(jsonLine).join('') : render(rows))
    return failures.length === 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function jsonLine(row) {
  return `${JSON.stringify(row)}\n`
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function render(rows) {
  const [{ run, cpu, cores, node, rounds }] = rows
  const numbers = [...new Set(rows.map(({ docs }) => docs))]
  const tables = numbers.flatMap(number => [
    `${number} documents`,
    ...tablesOf(rows.filter(({ docs }) => docs === number)).map(textOf)
  ])
  const machine = `${cpu}, ${cores} cores, Node ${node}; rounds: ${rounds}`
  return `${[`${run}\n${machine}`, ...tables].join('\n\n')}\n`
}

/** Columns as wide as their widest cell; numbers stand at the right. */
function textOf({ head, body }) {
  const lines = [head, ...body]
  const widths = head.map((_, i) => Math.max(...lines.map(cells => cells[i].length)))
  const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
  return lines.map(cells => cells.map(pad).join('  ').trimEnd()).join('\n')
}
