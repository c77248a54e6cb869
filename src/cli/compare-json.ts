import type { CompareView, QueryMove } from './compare-view.ts'

/** A comparison as one JSON object, with every value of every query. */
export function renderJson(view: CompareView): string {
  const { comparison, reports, test, confidence, numPermutations, seed } = view
  const { queryIds } = reports[0]!.report
  const queries = queryIds.map((queryId, i) => ({
    queryId,
    ...textOf(view, queryId),
    values: Object.fromEntries(
      reports.map(({ name, report }) => [
        name,
        Object.fromEntries(report.metrics.map(metric => [metric, report.perQuery[metric]![i]]))
      ])
    )
  }))
  const moves = view.moves.map(({ run, up, down }) => ({
    run,
    metric: view.mainMetric,
    up: up.map(query => queryOf(view, query)),
    down: down.map(query => queryOf(view, query))
  }))
  const settings = { qrels: view.qrelsFile, test, confidence, numPermutations, seed }
  const whole = { ...settings, notes: view.notes, ...comparison, queries, moves }
  // JSON knows no infinity, which a t can be.
  const finite = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
  return `${JSON.stringify(whole, finite)}\n`
}

function queryOf(view: CompareView, { documents, ...query }: QueryMove): object {
  return {
    ...query,
    ...textOf(view, query.queryId),
    documents: documents.map(({ reason, ...document }) => ({
      ...document,
      ...(reason && { score: reason.score, terms: reason.terms, text: reason.text })
    }))
  }
}

function textOf({ topics }: CompareView, queryId: string): { text?: string } {
  const text = topics?.get(queryId)
  return text === undefined ? {} : { text }
}
