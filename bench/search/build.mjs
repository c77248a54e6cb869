/**
 * Makes an index of ours: `build.mjs SPEC`, where SPEC is JSON, writes the file and prints what it
 * took as one line of JSON. The time is that of adding all vectors and of `finish`.
 */
import { renameSync, statSync, writeFileSync } from 'node:fs'
import { SparseIndexBuilder, saveIndexFile } from 'esplanade/search'
import { readCsr, rowOf } from './csr.mjs'
import { done } from './done.mjs'
import { memoryOf } from './timing.mjs'

const { documents, path, precision, reorder } = JSON.parse(process.argv[2])
const csr = readCsr(documents)
const started = performance.now()
const builder = new SparseIndexBuilder()
for (let i = 0; i < csr.offsets.length - 1; i++) builder.add(String(i), rowOf(csr, i))
const index = await builder.finish({ metric: 'dot', precision, reorder })
const buildS = (performance.now() - started) / 1000
await saveIndexFile(index, `${path}.partial`)
renameSync(`${path}.partial`, path)

const report = {
  buildS,
  numDocuments: index.size,
  numPostings: index.numPostings,
  numBytes: statSync(path).size,
  buildPeakRssMiB: memoryOf().peakRssMiB
}
writeFileSync(`${path}.json`, `${JSON.stringify(report)}\n`)
process.stdout.write(`${JSON.stringify(report)}\n`)
done()
