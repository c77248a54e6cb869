import { relative } from 'node:path'
import { Command } from 'commander'
import { EsplanadeError } from 'esplanade'
import {
  BEIR_DATASETS,
  type DatasetProgress,
  type DownloadedDataset,
  downloadDataset
} from 'esplanade/corpus'
import { padEnd } from '../display-width.ts'
import { interruptible } from '../interrupt.ts'
import { type ProgressDisplay, showProgress } from '../progress.ts'
import { counted, readableBytes, readableCount } from '../readable.ts'

interface DownloadFlags {
  readonly to: string
  readonly from?: string
  readonly md5?: string
  readonly list?: boolean
  readonly json?: boolean
}

const HELP = `
The data set comes as a zip file from the home of BEIR, is compared with the MD5
sum that BEIR publishes, and unpacked: corpus.jsonl, queries.jsonl, qrels/*.tsv.
Interrupted, the same command goes on where it was. Each data set has a licence
of its own; its home page says which.

ESPLANADE_DATASETS_URL names a mirror, as --from does. With --md5 it may be any
zip file of this form on a server of your own.

  esplanade download scifact --to data
  esplanade index data/scifact --to scifact.esplanade`

/** A smaller file is there before anybody has read that it is being fetched. */
const MIN_SHOWN_BYTES = 500_000

/** `download`: collections with judgements, to measure with. */
export function downloadCommand(): Command {
  return new Command('download')
    .description('Fetch a judged data set of the BEIR benchmark.')
    .argument('[name]', 'such as scifact (--list shows all)')
    .option('--to <dir>', 'the folder in which its folder is made', '.')
    .option('--list', 'show the data sets')
    .option('--from <url>', 'another folder of zip files than the home of BEIR')
    .option('--md5 <sum>', "of the zip file (default: BEIR's)")
    .option('--json', 'one JSON object a data set')
    .addHelpText('after', HELP)
    .action(download)
}

async function download(name: string | undefined, flags: DownloadFlags): Promise<void> {
  if (flags.list) return list(flags.json)
  if (name === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'no data set was named',
      expected: 'one of those that esplanade download --list shows'
    })
  }
  const { to, from, md5, json } = flags
  const shown = new DownloadDisplay(name)
  const onProgress = (progress: DatasetProgress) => shown.show(progress)
  const found = await interruptible(signal =>
    downloadDataset(name, { to, from, md5, signal, onProgress })
  ).finally(() => shown.stop())
  if (json) process.stdout.write(`${JSON.stringify(found)}\n`)
  else tell(found)
}

/** A bar for what comes, and one for what is unpacked. */
class DownloadDisplay {
  readonly #name: string
  #stage: DatasetProgress['stage'] | undefined
  #display: ProgressDisplay | undefined

  constructor(name: string) {
    this.#name = name
  }

  show({ stage, done, total }: DatasetProgress): void {
    if (stage !== this.#stage) this.stop()
    this.#stage = stage
    // Until the server has answered, nobody knows how much is left.
    if (total === undefined || total < MIN_SHOWN_BYTES) return
    const fraction = done / total
    const task = stage === 'fetch' ? `fetching ${this.#name}.zip` : `unpacking ${this.#name}.zip`
    // A download that is gone on with has had these bytes before.
    this.#display ??= showProgress(task, 'bytes', { done, fraction })
    this.#display.update(done, fraction)
  }

  /** Takes the bar away, after a failure too: it would keep the process alive. */
  stop(): void {
    this.#display?.stop()
    this.#display = undefined
  }
}

function tell({ name, path, isNew, corpora, dataset }: DownloadedDataset): void {
  const [first = path] = corpora
  process.stdout.write(`${shownPath(path)}\n`)
  const notes = [
    isNew ? `${name} is complete` : `${name} was there already; nothing was fetched`,
    ...(corpora.length > 1
      ? [`it is ${counted(corpora.length, 'collection')}, a folder each`]
      : []),
    dataset === undefined
      ? 'it may have a licence of its own: ask where it comes from'
      : `it has a licence of its own: see ${dataset.homepage}`,
    `next: esplanade index ${shownPath(first)} --to ${name}.esplanade`
  ]
  process.stderr.write(notes.map(note => `${note}\n`).join(''))
}

/** From the current folder, if it lies in there; so that a shell reads it. */
function shownPath(path: string): string {
  const near = relative('.', path)
  const shown = near.startsWith('..') || near === '' ? path : near
  return /^[\w./\\:-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`
}

function list(json: boolean | undefined): void {
  if (json) {
    for (const dataset of BEIR_DATASETS) process.stdout.write(`${JSON.stringify(dataset)}\n`)
    return
  }
  const rows = BEIR_DATASETS.map(
    ({ name, zipBytes, numDocuments, numQueries, splits, homepage }) => [
      name,
      readableBytes(zipBytes),
      `${readableCount(numDocuments)} documents`,
      `${readableCount(numQueries)} queries`,
      splits.join(' '),
      homepage
    ]
  )
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column >= 1 && column <= 3 ? cell.padStart(widths[column]!) : padEnd(cell, widths[column]!)
    )
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
  process.stderr.write('each has a licence of its own, which its home page says\n')
}
