/**
 * Encodes, searches and opens a collection with the built package in other runtimes than this one:
 * `node scripts/runtimes.mjs [PROGRAM ...]`, by default `bun` and `deno` where they are on the PATH.
 * The golden vectors are those of the tests. Exits with 1 where a runtime fails or none is found.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const golden = join(root, 'test/golden/splade-tiny.json')

/** What is run there, in the project of somebody who has installed the package. */
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { open } from 'esplanade'
import { SparseEncoder } from 'esplanade/encoder'
import { SparseIndexBuilder } from 'esplanade/search'

const { cases } = JSON.parse(readFileSync(${JSON.stringify(golden)}, 'utf8'))
const encoder = await SparseEncoder.load('splade-tiny')
const vectors = await encoder.encodeDocument(cases.map(({ text }) => text))
let worst = 0
for (const [i, { terms, weights }] of vectors.entries()) {
  if (String([...terms]) !== String(cases[i].terms)) throw new Error('other terms: text ' + i)
  worst = Math.max(worst, ...[...weights].map((w, at) => Math.abs(w - cases[i].max[at])))
}
if (!(worst < 1e-4)) throw new Error('weights are off by ' + worst)

const builder = new SparseIndexBuilder()
for (const [i, vector] of vectors.entries()) builder.add('text ' + i, vector)
const index = await builder.finish()
const [{ hits }] = await index.searchMany([vectors[3]], { k: 1, threads: 2 })
if (hits[0].key !== 'text 3' || !index.isWasm) throw new Error('found ' + hits[0].key)
await index.close()

const notes = await open('notes', { encoder })
await notes.upsert([{ key: 'fog', text: cases[0].text }, { key: 'sum', text: cases[5].text }])
const found = await notes.search(cases[0].text, { k: 1 })
if (found.hits[0].key !== 'fog') throw new Error('the collection found ' + found.hits[0].key)
await notes.close()
await encoder.close()
console.log('22 texts to ' + worst.toExponential(1) + ', an index with threads, a collection')
`

const asked = process.argv.slice(2)
const programs = (asked.length > 0 ? asked : ['bun', 'deno']).filter(program => {
  const { error } = spawnSync(program, ['--version'])
  if (error)
    console.log(`${program}: skipped, ${error.code === 'ENOENT' ? 'not found' : error.message}`)
  return !error
})

const folder = mkdtempSync(join(tmpdir(), 'esplanade-runtimes-'))
let numFailed = programs.length === 0 ? 1 : 0
try {
  for (const program of programs) {
    const project = join(folder, basename(program))
    mkdirSync(join(project, 'node_modules'), { recursive: true })
    symlinkSync(root, join(project, 'node_modules/esplanade'), 'junction')
    const manifest = { type: 'module', dependencies: { esplanade: '*' } }
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(project, 'program.js'), PROGRAM)
    const isDeno = basename(program).startsWith('deno')
    const args = isDeno ? ['run', '-A', '--node-modules-dir=manual', 'program.js'] : ['program.js']
    const run = spawnSync(program, args, { cwd: project, encoding: 'utf8', timeout: 120_000 })
    const ended = run.status === 0 ? run.stdout.trim() : `failed\n${run.error ?? run.stderr}`
    console.log(`${program}: ${ended}`)
    if (run.status !== 0) numFailed++
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = numFailed > 0 ? 1 : 0
