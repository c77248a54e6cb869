import { EsplanadeError } from 'esplanade'

/** What one way of searching finds and costs: a line of `bench search --json`. */
export interface CostRow {
  /** What was searched, such as the folder's name. */
  readonly collection: string
  /** Settings of one kind; they look alike in a chart. */
  readonly group: string
  readonly setting: string
  readonly numDocuments: number
  readonly numQueries: number
  /** Means, by ir-measures name; empty where there are no judgements. */
  readonly metrics: Readonly<Record<string, number>>
  /** Expected products of a query and a document. */
  readonly flops: number
  /** The regulariser of training; null where weights are not those of one model. */
  readonly scaledFlopsLoss: number | null
  /** Active terms of a query, on average; dimensions of a dense one. */
  readonly queryTerms: number
  readonly documentTerms: number
  readonly indexBytes: number
  /** Null where the bytes are not of postings alone. */
  readonly bytesPerPosting: number | null
  /** From the text to the vectors; `Least` and `Most` are the medians of single passes. */
  readonly encodeMsP50: number
  readonly encodeMsP99: number
  /** From the vectors to the hits, the documents' texts included. */
  readonly searchMsP50: number
  readonly searchMsP50Least: number
  readonly searchMsP50Most: number
  readonly searchMsP99: number
  /** Both. */
  readonly queryMsP50: number
  readonly queryMsP99: number
}

/** What is paid: a figure of a row, and how it is called. */
export interface Cost {
  readonly figure: 'flops' | 'indexBytes' | 'queryMsP50' | 'searchMsP50'
  readonly name: string
  /** Stands in a table at rows that no other one beats in it. */
  readonly letter: string
}

/** By the name that the command line has for them. */
export const COSTS: Readonly<Record<string, Cost>> = {
  flops: { figure: 'flops', name: 'FLOPS', letter: 'F' },
  bytes: { figure: 'indexBytes', name: 'bytes of the index', letter: 'B' },
  time: { figure: 'queryMsP50', name: 'text → hits, ms (p50)', letter: 'T' },
  search: { figure: 'searchMsP50', name: 'vectors → hits, ms (p50)', letter: 'S' }
}

/**
 * Reads lines of `bench search --json`. A row without the quality or the cost that is drawn is refused.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export async function readCostRows(
  lines: AsyncIterable<string>,
  place: string,
  { cost, metric }: { readonly cost: Cost; readonly metric: string | undefined }
): Promise<CostRow[]> {
  const rows: CostRow[] = []
  let line = 0
  for await (const text of lines) {
    line++
    if (text.trim() === '') continue
    rows.push(checkedRow(text, `${place}:${line}`, cost, metric))
  }
  return rows
}

function checkedRow(
  text: string,
  place: string,
  { figure }: Cost,
  metric: string | undefined
): CostRow {
  let row: Partial<CostRow>
  try {
    row = JSON.parse(text) ?? {}
  } catch (cause) {
    throw invalid(place, 'this is no JSON', cause)
  }
  for (const name of ['collection', 'group', 'setting'] as const) {
    if (typeof row[name] !== 'string') throw invalid(place, `it has no ${name}`)
  }
  const value = metric === undefined ? Object.values(row.metrics ?? {})[0] : row.metrics?.[metric]
  if (!Number.isFinite(value)) throw invalid(place, `it has no ${metric ?? 'metric'}`)
  if (!Number.isFinite(row[figure])) throw invalid(place, `it has no ${figure}`)
  return row as CostRow
}

function invalid(place: string, problem: string, cause?: unknown): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem,
    expected: 'a line of bench search --json with quality and cost',
    cause
  })
}
