/** `esplanade/eval`: run × qrels → figures. Needs no engine: it judges any system's runs. */

export {
  type CompareOptions,
  type Comparison,
  type Corrected,
  compareReports,
  type MeanOfRun,
  type NamedReport,
  type RunDifference
} from '../eval/compare-reports.ts'
export { flops } from '../eval/cost/flops.ts'
export { type FlopsScales, flopsLoss, scaledFlopsLoss } from '../eval/cost/flops-loss.ts'
export { type ParetoAxes, paretoFront } from '../eval/cost/pareto-front.ts'
export {
  activeTerms,
  type CountableVectors,
  TermCounter,
  type TermCounts
} from '../eval/cost/term-counts.ts'
export { type EvaluateOptions, evaluate, type Report } from '../eval/evaluate.ts'
export { formatRun } from '../eval/format-run.ts'
export type { Lines, LinesOptions } from '../eval/lines.ts'
export type { Metric } from '../eval/metric.ts'
export {
  type MovedDocument,
  type MovedDocumentsOptions,
  type MovedQueries,
  type MovedQuery,
  movedDocuments,
  movedQueries
} from '../eval/moved-queries.ts'
export { parseMetric, parseMetrics } from '../eval/parse-metric.ts'
export { type Qrels, type QrelsFormat, type ReadQrelsOptions, readQrels } from '../eval/qrels.ts'
export type { RankOrder } from '../eval/rank-order.ts'
export { type Run, type RunHit, readRun } from '../eval/run.ts'
export {
  type BootstrapOptions,
  bootstrapInterval,
  type Interval
} from '../eval/significance/bootstrap-interval.ts'
export {
  fisherRandomization,
  type RandomizationOptions,
  type RandomizationTest
} from '../eval/significance/fisher-randomization.ts'
export { holm } from '../eval/significance/holm.ts'
export { type PairedTTest, pairedTTest } from '../eval/significance/paired-t-test.ts'
export { type WinTieLoss, winTieLoss } from '../eval/significance/win-tie-loss.ts'
export {
  type ReadTopicsOptions,
  readTopics,
  type Topics,
  type TopicsFormat
} from '../eval/topics.ts'
