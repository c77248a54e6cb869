import { SparseIndex } from '../../src/search/sparse-index.ts'
import { describeConformance } from './conformance.ts'

describeConformance('the exhaustive search')

describeConformance('the exhaustive search of an index read from bytes', {
  prepare: async index => SparseIndex.fromBytes(index.toBytes()),
  numRuns: 50
})
