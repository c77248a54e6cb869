import { SparseIndex } from '../../src/search/sparse-index.ts'
import type { FinishOptions } from '../../src/search/sparse-index-builder.ts'
import type { Strategy } from '../../src/search/strategy.ts'
import { describeConformance } from './conformance.ts'

const STRATEGIES: readonly Strategy[] = ['auto', 'windowed', 'max-score', 'block-max']

const FORMS: Readonly<Record<string, FinishOptions>> = {
  WebAssembly: {},
  TypeScript: { kernel: 'typescript' },
  'segments of a few documents': { maxSegmentBytes: 200 }
}

/** The same, where the documents to be scored are all. */
for (const [form, finish] of Object.entries(FORMS)) {
  describeConformance(`'document-at-a-time' in ${form}`, {
    finish,
    search: (index, query, options) => {
      const filter = index.documentSet(() => true)
      return index.search(query, { filter, ...options, strategy: 'document-at-a-time' })
    },
    numRuns: 40
  })
}

for (const strategy of STRATEGIES) {
  for (const [form, finish] of Object.entries(FORMS)) {
    describeConformance(`'${strategy}' in ${form}`, {
      finish,
      prepare: async index => SparseIndex.fromBytes(index.toBytes(), undefined, finish.kernel),
      search: (index, query, options) => index.search(query, { ...options, strategy }),
      numRuns: 40
    })
  }
}
