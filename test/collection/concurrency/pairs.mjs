/**
 * Documents in pairs that are written in one batch each, with one counter: whoever sees two counters,
 * or a score of another one, sees a torn state.
 */

export const NUM_PAIRS = 6

/** Weights are whole numbers, so the counter can be read off the score. */
const weightOf = counter => 1 + (counter % 4096)

/** Reads one pair in every way; says what is wrong, and gives its counter. */
export async function readPair(collection, pair, least) {
  const snapshot = await collection.snapshot()
  try {
    return await readSnapshot(snapshot, pair, least)
  } finally {
    await snapshot.close()
  }
}

async function readSnapshot(snapshot, pair, least) {
  const problems = []
  const query = { terms: [pair], weights: [1] }
  const found = await snapshot.search(query, { filter: { counter: { $gte: least } } })
  const counter = found.hits[0]?.metadata.counter
  const shown = found.hits.map(({ key, score, text, metadata }) => ({ key, score, text, metadata }))
  const expected = ['left', 'right'].map(side => ({
    key: `${side} ${pair}`,
    score: weightOf(counter),
    text: `${counter}`,
    metadata: { pair, counter, side }
  }))
  if (JSON.stringify(shown) !== JSON.stringify(expected)) {
    problems.push(`after ${least}, a search found ${JSON.stringify(shown)}`)
  }
  for (const { key, metadata } of expected) {
    const document = await snapshot.get(key, { includeVectors: true })
    const weight = document?.vectors[0].weights[0]
    const isSame = document?.metadata.counter === metadata.counter && weight === weightOf(counter)
    if (!isSame) problems.push(`beside ${counter}, ${key} is ${JSON.stringify(document)}`)
  }
  const { numDocuments, numSegments } = await snapshot.stats()
  if (numDocuments !== 2 * NUM_PAIRS) problems.push(`${numDocuments} documents`)
  return { problems, counter, numSegments }
}
