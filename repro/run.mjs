/**
 * `npm run repro`: every figure that the documentation claims for a collection, from the files to the
 * figure, by the command line as a user has it. `--help` lists the options; docs/repro has the pages.
 */
import { textOf } from '../bench/judged/page.mjs'
import { accept } from './program/accept.mjs'
import { readDefinitions } from './program/definition.mjs'
import { differences, figureOf, unmeasured } from './program/differences.mjs'
import { Measurement } from './program/measure.mjs'
import { HELP, optionsOf } from './program/options.mjs'
import { writePages } from './program/pages.mjs'
import { placesOf } from './program/places.mjs'

/**
 * What has become of a reproduction.
 *
 * @typedef {object} Outcome
 * @property {string} name
 * @property {'agrees' | 'differs' | 'not measured' | 'accepted' | 'failed' | 'skipped'} verdict
 * @property {string[]} remarks differences, or why it was skipped
 * @property {import('./program/measure.mjs').Measured} [measured]
 */

const say = line => process.stderr.write(`${line}\n`)

try {
  process.exitCode = await main(optionsOf(process.argv.slice(2)))
} catch (error) {
  say(error.message)
  process.exitCode = 2
}

async function main(options) {
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const definitions = readDefinitions(options.definitions, options.only)
  if (definitions.length === 0) throw new Error(`--only ${options.only}: no such reproduction`)
  if (options.write) {
    writePages(readDefinitions(options.definitions), options.pages)
    return 0
  }
  const measurement = new Measurement({ fresh: options.fresh, say })
  const outcomes = []
  for (const definition of definitions) {
    const outcome = await reproduce(definition, measurement, options)
    if (options.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
    outcomes.push(outcome)
  }
  if (options.accept) writePages(readDefinitions(options.definitions), options.pages)
  if (!options.json) process.stdout.write(report(definitions, outcomes))
  const isGood = ({ verdict }) => ['agrees', 'accepted', 'skipped'].includes(verdict)
  const isAny = outcomes.some(({ verdict }) => verdict !== 'skipped')
  return isAny && outcomes.every(isGood) ? 0 : 1
}

/** @returns {Promise<Outcome>} */
async function reproduce(definition, measurement, options) {
  const { name } = definition
  const places = await placesOf(definition, options)
  if ('missing' in places) return { name, verdict: 'skipped', remarks: [places.missing] }
  say(name)
  let measured
  try {
    measured = measurement.measure(definition, places)
  } catch (error) {
    return { name, verdict: 'failed', remarks: [error.message] }
  }
  const found = differences(definition, measured)
  const missing = unmeasured(definition)
  if (options.accept) {
    accept(options.definitions, definition, measured)
    return { name, verdict: 'accepted', remarks: found, measured }
  }
  if (found.length > 0) return { name, verdict: 'differs', remarks: found, measured }
  if (missing.length === 0) return { name, verdict: 'agrees', remarks: [], measured }
  const remark = `nothing to compare yet: ${missing.join(', ')} (--accept)`
  return { name, verdict: 'not measured', remarks: [remark], measured }
}

/** A table, and below it what is to be said of single ones. */
function report(definitions, outcomes) {
  const head = ['reproduction', 'figure', 'measured', 'expected', 'reference', 's', '']
  const body = outcomes.map(({ verdict, measured }, i) => {
    const { name, figures, reference } = definitions[i]
    const [figure] = Object.keys(figures)
    return [
      name,
      figure,
      measured === undefined ? '–' : digits(figureOf(measured, figure)),
      digits(figures[figure]),
      digits(reference[figure]),
      measured === undefined ? '–' : measured.seconds.toFixed(0),
      verdict === 'agrees' ? verdict : verdict.toUpperCase()
    ]
  })
  const remarks = outcomes.flatMap(({ name, remarks }) =>
    remarks.map(remark => `${name}: ${remark}\n`)
  )
  return `${textOf({ head, body })}${remarks.length > 0 ? '\n' : ''}${remarks.join('')}`
}

function digits(value) {
  return typeof value === 'number' ? value.toFixed(4) : '–'
}
