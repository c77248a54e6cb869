/**
 * Reads all of each collection that is named, and says for each, in a line of JSON, what came of it. A
 * damaged file may end the process: that is why it is one of its own.
 *
 * node read-all.mjs DIRECTORY...
 */
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { checkCollection, open } from 'esplanade'

async function readAll(directory) {
  const collection = await open(directory, { model: null })
  try {
    return await fingerprint(await collection.snapshot())
  } finally {
    await collection.close()
  }
}

async function fingerprint(snapshot) {
  const hash = createHash('sha256')
  const all = snapshot.documents({ allNamespaces: true, includeVectors: true })
  for await (const document of all) {
    const vectors = document.vectors.map(({ terms, weights }) => [[...terms], [...weights]])
    hash.update(JSON.stringify({ ...document, vectors }))
  }
  for (const namespace of Object.keys((await snapshot.stats()).namespaces)) {
    const { keys } = await snapshot.list({ namespace, limit: 10_000 })
    for (const key of keys) {
      const { text } = (await snapshot.get(key, { namespace })) ?? {}
      hash.update(JSON.stringify([namespace, key, text]))
    }
  }
  for (let term = 0; term < 60; term++) {
    const { hits } = await snapshot.search({ terms: [term], weights: [1] }, { k: 1000 })
    hash.update(JSON.stringify(hits))
  }
  return hash.digest('hex')
}

const outcomeOf = async run => {
  try {
    return await run()
  } catch (error) {
    return `${error.name} ${error.code} ${error.message}`
  }
}

for (const directory of process.argv.slice(2)) {
  const read = await outcomeOf(() => readAll(directory))
  const checked = await outcomeOf(async () => (await checkCollection(directory)).isClean)
  writeSync(1, `${JSON.stringify({ read, checked })}\n`)
}
