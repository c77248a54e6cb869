import type { Metric } from '../eval/metric.ts'
import type { FusionMethod } from '../fusion/fuse.ts'
import type { CandidateScores } from './candidate-scores.ts'
import type { JudgedCandidates } from './judged-candidates.ts'
import { type Shares, WHOLE } from './weight-grid.ts'

/** A fusion that may be chosen. */
export interface Setting {
  readonly method: FusionMethod
  readonly shares: Shares
}

/** A query whose lists tell settings apart. */
export interface PreparedQuery {
  readonly scores: CandidateScores
  readonly judged: JudgedCandidates
}

/** A setting's value on each query. */
export interface MeasuredSetting extends Setting {
  /** `values[i]` belongs to query i. */
  readonly values: Float64Array
}

/**
 * What settings are worth on each query, each setting worked out once.
 *
 * Queries are the outer loop: what a method makes of one query's scores (240 kB for four methods of
 * three lists) then serves all weights and is thrown away.
 */
export class ValueTable {
  readonly #queries: readonly PreparedQuery[]
  readonly #metric: Metric
  readonly #measured = new Map<string, MeasuredSetting>()

  constructor(queries: readonly PreparedQuery[], metric: Metric) {
    this.#queries = queries
    this.#metric = metric
  }

  /** @param step - called after each query */
  async measure(settings: Iterable<Setting>, step: () => Promise<void>): Promise<void> {
    const byMethod = new Map<FusionMethod, MeasuredSetting[]>()
    for (const setting of settings) {
      const key = keyOf(setting)
      if (this.#measured.has(key)) continue
      const measured = { ...setting, values: new Float64Array(this.#queries.length) }
      this.#measured.set(key, measured)
      const others = byMethod.get(setting.method)
      if (others === undefined) byMethod.set(setting.method, [measured])
      else others.push(measured)
    }
    for (const [i, { scores, judged }] of this.#queries.entries()) {
      const fused = new Float64Array(scores.keys.length)
      for (const [method, measured] of byMethod) {
        const sum = scores.under(method)
        for (const { shares, values } of measured) {
          sum(weightsOf(shares), fused)
          values[i] = judged.valueOf(fused, this.#metric)
        }
      }
      await step()
    }
  }

  /** A setting that was measured. */
  of(setting: Setting): MeasuredSetting {
    return this.#measured.get(keyOf(setting))!
  }
}

function weightsOf(shares: Shares): number[] {
  return shares.map(share => share / WHOLE)
}

function keyOf({ method, shares }: Setting): string {
  return `${JSON.stringify(method)} ${shares.join(' ')}`
}
