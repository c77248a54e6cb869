/** Builds the same vectors as a bare index. */
import { SparseIndexBuilder, saveIndexFile } from 'esplanade/search'
import { readCsr, rowOf } from '../search/csr.mjs'
import { done } from '../search/done.mjs'

const { index, documents } = JSON.parse(process.argv[2])
const csr = readCsr(documents)
const builder = new SparseIndexBuilder()
for (let row = 0; row < csr.offsets.length - 1; row++) builder.add(String(row), rowOf(csr, row))
await saveIndexFile(await builder.finish(), index)
done()
