import { join, resolve } from 'node:path'
import { EsplanadeError } from '../../errors.ts'
import { BEIR_DATASETS, BEIR_HOME, type BeirDataset, unknownDataset } from './beir-datasets.ts'

/** How far `downloadDataset` is. */
export interface DatasetProgress {
  /** `fetch`: the zip file comes; `unpack`: its files are written. */
  readonly stage: 'fetch' | 'unpack'
  /** Bytes that are there, those of an earlier run among them. */
  readonly done: number
  /** Bytes; undefined until the server has said it. */
  readonly total: number | undefined
}

/** Options of `downloadDataset`. */
export interface DownloadDatasetOptions {
  /** The folder in which the folder of the data set is made. Default: the current one. */
  readonly to?: string | undefined
  /**
   * Address of a folder of zip files, on a mirror or on a server of your own. Default: the environment
   * variable `ESPLANADE_DATASETS_URL`, else BEIR's own home.
   */
  readonly from?: string | undefined
  /** MD5 sum of the zip file, in hexadecimal digits. Default: BEIR's; needed for any other data set. */
  readonly md5?: string | undefined
  /** Stops; what has arrived is kept, and the same call goes on with it. */
  readonly signal?: AbortSignal | undefined
  /** Hears some times a second how far it is. */
  readonly onProgress?: ((progress: DatasetProgress) => void) | undefined
}

/** Options and environment together. */
export interface DatasetSettings {
  readonly name: string
  /** What BEIR says of it; undefined for a data set of one's own. */
  readonly dataset: BeirDataset | undefined
  /** Where it will be. */
  readonly folder: string
  /** Address of the zip file. */
  readonly url: string
  /** In lower case. */
  readonly md5: string
  readonly signal: AbortSignal | undefined
  readonly onProgress: DownloadDatasetOptions['onProgress']
  readonly silenceMs: number
  readonly firstWaitMs: number
}

const SILENCE_MS = 30_000
const FIRST_WAIT_MS = 500

/**
 * @throws EsplanadeError `INVALID_ARGUMENT` for a name that is not known or no name of a folder, an
 *   address that is none, a sum that is none
 */
export function datasetSettings(
  name: string,
  options: DownloadDatasetOptions = {},
  environment: Readonly<Record<string, string | undefined>> = process.env
): DatasetSettings {
  const dataset = BEIR_DATASETS.find(each => each.name === name)
  const md5 = (options.md5 ?? dataset?.md5)?.toLowerCase()
  if (md5 === undefined) throw unknownDataset(name)
  if (!/^[a-z0-9](?:[\w.-]{0,98}\w)?$/i.test(name)) {
    throw invalid('name', `${JSON.stringify(name)} is no name of a data set`, 'one such as scifact')
  }
  if (!/^[0-9a-f]{32}$/.test(md5)) {
    throw invalid('md5', `${JSON.stringify(options.md5)} is no MD5 sum`, '32 hexadecimal digits')
  }
  const mirror = environment.ESPLANADE_DATASETS_URL?.trim() || undefined
  const from = options.from ?? mirror ?? BEIR_HOME
  return {
    name,
    dataset,
    folder: resolve(join(options.to ?? '.', name)),
    url: `${checkedAddress(from)}/${name}.zip`,
    md5,
    signal: options.signal,
    onProgress: options.onProgress,
    silenceMs: SILENCE_MS,
    firstWaitMs: FIRST_WAIT_MS
  }
}

/** Without a slash at its end. */
function checkedAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return address.replace(/\/+$/, '')
  const problem = `${JSON.stringify(address)} is no address of a server`
  throw invalid('from, or ESPLANADE_DATASETS_URL', problem, `a URL such as ${BEIR_HOME}`)
}

function invalid(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
