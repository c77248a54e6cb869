import { createInterface } from 'node:readline'
import { open } from 'esplanade'
import { NUM_PAIRS, readPair } from './pairs.mjs'

/**
 * Reads pairs from a collection that another process writes, without a pause. Each line of its input
 * is `[pair, counter]`, which was acknowledged: it must show at once, and is answered by a line. At the
 * end of the input it says what it has seen.
 */

const [directory] = process.argv.slice(2)
const problems = []
const numSegments = new Set()
const counters = Array.from({ length: NUM_PAIRS }, () => 0)
let numReads = 0
let numSteps = 0
let hasEnded = false

const collection = await open(directory, { readOnly: true, model: null })

async function read(pair, least) {
  const seen = await readPair(collection, pair, least)
  problems.push(...seen.problems)
  numSegments.add(seen.numSegments)
  numReads++
  if (seen.counter > counters[pair]) numSteps++
  else if (seen.counter < counters[pair]) problems.push(`${counters[pair]}, then ${seen.counter}`)
  counters[pair] = seen.counter
}

const lines = []
const input = createInterface({ input: process.stdin })
input.on('line', line => lines.push(JSON.parse(line)))
input.on('close', () => {
  hasEnded = true
})

console.log('ready')
for (let pair = 0; !(hasEnded && lines.length === 0); pair = (pair + 1) % NUM_PAIRS) {
  try {
    await read(pair, counters[pair])
    for (const [asked, counter] of lines.splice(0)) {
      await read(asked, counter)
      console.log(counters[asked])
    }
  } catch (error) {
    problems.push(error.stack)
  }
  if (problems.length > 0) break
  await new Promise(resolve => setImmediate(resolve))
}
input.close()
await collection.close()
console.log(JSON.stringify({ problems, numReads, numSteps, numSegments: numSegments.size }))
