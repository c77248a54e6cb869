/**
 * Writes the golden collection of this version, once, when the version is made:
 *
 *     npm run build && node test/collection/golden/make.mjs
 *
 * It is packed, as most of a store is empty. Versions before it stay as they are. A path behind it is
 * where it is written instead.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'esplanade'
import { zipSync } from 'fflate'

const folder = mkdtempSync(join(tmpdir(), 'esplanade-golden-'))
const directory = join(folder, 'collection')
const vector = (...entries) => ({
  terms: entries.map(([term]) => term),
  weights: entries.map(([, weight]) => weight)
})

const collection = await open(directory, { model: null, metric: 'dot' })
await collection.upsert([
  {
    key: 'harbour',
    text: 'The harbour at dawn.',
    vector: vector([3, 1.5], [7, 0.25], [70_000, 2]),
    metadata: { year: 1999, tags: ['sea', 'morning'], when: new Date('2026-11-21T06:00:00Z') },
    dense: [0.5, -1, 0.25]
  },
  { key: 'clé', namespace: 'tenant', vector: vector([3, 1]), metadata: { year: 2004 } },
  { key: 'gone', vector: vector([3, 9]) }
])
await collection.flush()
await collection.upsert([
  {
    key: 'passages',
    text: 'A first part. A second part.',
    passages: [
      { start: 0, end: 13, vector: vector([3, 0.5]) },
      { start: 14, end: 28, vector: vector([3, 1], [9, 4]) }
    ],
    metadata: { year: 2020, nested: { deep: true, none: null } }
  }
])
await collection.flush()
await collection.delete('gone')
// In no segment.
await collection.upsert([{ key: 'late', vector: vector([7, 1]), metadata: { year: 2026 } }])
await collection.close()

const files = {}
for (const name of readdirSync(directory, { recursive: true })) {
  const path = join(directory, name)
  if (!statSync(path).isFile() || name.endsWith('lock.mdb')) continue
  files[name.replaceAll('\\', '/')] = new Uint8Array(readFileSync(path))
}
rmSync(folder, { recursive: true })
const beside = fileURLToPath(new URL('./collection-v1.zip', import.meta.url))
const target = process.argv[2] ?? beside
writeFileSync(target, zipSync(files, { level: 9 }))
console.log(Object.keys(files), statSync(target).size)
