import { type Precision, SparseEncoder } from 'esplanade/encoder'
import { type BenchTexts, benchTexts } from './bench-texts.ts'

/** One way to encode, measured in a process of its own. */
export interface EncodeSetup {
  readonly model: string
  readonly corpus?: string
  readonly precision: Precision
  /** 0: in the thread that asks. */
  readonly numWorkers: number
  readonly maxBatchTokens: number
  /** How long passages are encoded; queries as long again. */
  readonly seconds: number
}

/** What was measured of it. */
export interface EncodeFigures {
  /** What the model really computes in: not every one has every precision. */
  readonly precision: string
  readonly textsPerS: number
  readonly tokensPerS: number
  readonly queryMsP50: number
  readonly queryMsP99: number
  readonly loadMs: number
  /** Of the whole process. */
  readonly peakBytes: number
}

/** Queries that are encoded before the clock counts, and at least after that. */
const WARM_UP_QUERIES = 30
const MIN_QUERIES = 50
/** Passages before the clock counts. */
const WARM_UP_PASSAGES = 64

/** Measures one setup. */
export async function encodeOnce(setup: EncodeSetup): Promise<EncodeFigures> {
  const { precision, numWorkers, maxBatchTokens, seconds } = setup
  const texts = await benchTexts(setup.corpus)
  const started = performance.now()
  const encoder = await SparseEncoder.load(setup.model, { precision, numWorkers, maxBatchTokens })
  const loadMs = performance.now() - started
  try {
    await encoder.encodeDocument(texts.passages.slice(0, WARM_UP_PASSAGES))
    const passages = await timePassages(encoder, texts, seconds)
    const queryMs = await timeQueries(encoder, texts, seconds)
    return {
      precision: encoder.precision,
      ...passages,
      queryMsP50: quantile(queryMs, 0.5),
      queryMsP99: quantile(queryMs, 0.99),
      loadMs,
      peakBytes: process.resourceUsage().maxRSS * 1024
    }
  } finally {
    await encoder.close()
  }
}

/** Encodes passages over and over, and stops after the batch with which the time is over. */
async function timePassages(
  encoder: SparseEncoder,
  { passages }: BenchTexts,
  seconds: number
): Promise<{ textsPerS: number; tokensPerS: number }> {
  const controller = new AbortController()
  let figures = { textsPerS: 0, tokensPerS: 0 }
  async function* endless(): AsyncGenerator<string> {
    for (let n = 0; ; n++) yield passages[n % passages.length]!
  }
  const started = performance.now()
  const vectors = encoder.encodeDocument(endless(), {
    signal: controller.signal,
    onProgress: ({ done, numTokens }) => {
      if (controller.signal.aborted) return
      const elapsed = (performance.now() - started) / 1000
      figures = { textsPerS: done / elapsed, tokensPerS: numTokens / elapsed }
      if (elapsed >= seconds) controller.abort()
    }
  })
  try {
    for await (const _ of vectors);
  } catch (error) {
    if (!controller.signal.aborted) throw error
  }
  return figures
}

async function timeQueries(
  encoder: SparseEncoder,
  { queries }: BenchTexts,
  seconds: number
): Promise<number[]> {
  const times: number[] = []
  const isWarm = () => times.length >= WARM_UP_QUERIES
  let begun = performance.now()
  for (let n = 0; ; n++) {
    const before = performance.now()
    await encoder.encodeQuery(queries[n % queries.length]!)
    times.push(performance.now() - before)
    if (!isWarm()) begun = performance.now()
    const isEnough = times.length >= WARM_UP_QUERIES + MIN_QUERIES
    if (isEnough && performance.now() - begun >= seconds * 1000) break
  }
  return times.slice(WARM_UP_QUERIES)
}

/** The figure that a part of all figures does not exceed (nearest rank). */
export function quantile(figures: readonly number[], part: number): number {
  const sorted = figures.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!
}
