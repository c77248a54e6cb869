/** Searches the bare index: what the collection is compared with. */
import { openIndexFile } from 'esplanade/search'
import { done } from '../search/done.mjs'
import { readRows, timePasses } from '../search/timing.mjs'

const { index: path, queries: queryFile } = JSON.parse(process.argv[2])
const index = await openIndexFile(path)
const { latency } = await timePasses(readRows(queryFile), query => index.search(query), 3)
process.stdout.write(`${JSON.stringify(latency)}\n`)
done()
