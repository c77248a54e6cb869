/** `esplanade/eval`: run × qrels → figures. Needs no engine: it judges any system's runs. */

export { type EvaluateOptions, evaluate, type Report } from '../eval/evaluate.ts'
export { formatRun } from '../eval/format-run.ts'
export type { Lines, LinesOptions } from '../eval/lines.ts'
export type { Metric } from '../eval/metric.ts'
export { parseMetric, parseMetrics } from '../eval/parse-metric.ts'
export { type Qrels, type QrelsFormat, type ReadQrelsOptions, readQrels } from '../eval/qrels.ts'
export type { RankOrder } from '../eval/rank-order.ts'
export { type Run, type RunHit, readRun } from '../eval/run.ts'
export {
  type ReadTopicsOptions,
  readTopics,
  type Topics,
  type TopicsFormat
} from '../eval/topics.ts'
