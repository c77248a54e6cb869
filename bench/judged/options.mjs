import { parseArgs } from 'node:util'
import { DATA, JUDGEMENTS } from './collections.mjs'

/** Options of the benchmarks on judged collections. */
export function judgedOptions() {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: DATA },
      collections: { type: 'string', default: Object.keys(JUDGEMENTS).join() },
      passes: { type: 'string', default: '20' },
      unchecked: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      store: { type: 'boolean', default: false }
    }
  })
  const passes = Number(values.passes)
  if (!Number.isInteger(passes) || passes < 1) {
    process.stderr.write(`--passes ${values.passes}: expected a whole number from 1\n`)
    process.exit(2)
  }
  return { ...values, passes, collections: values.collections.split(',') }
}
