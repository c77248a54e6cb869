import { describeConformance } from './conformance.ts'

describeConformance('the exhaustive search', {
  search: (index, query, options) => index.search(query, { ...options, strategy: 'exhaustive' })
})
