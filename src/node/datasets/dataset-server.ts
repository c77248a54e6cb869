import { EsplanadeError } from '../../errors.ts'
import type { HttpServer } from '../http/http-connection.ts'
import type { DatasetSettings } from './dataset-settings.ts'

const RESUMABLE = 'what has arrived is kept, and the same command goes on with it'
const MIRROR = 'another server may be named: --from, or ESPLANADE_DATASETS_URL'

/** A server of zip files, and what its failures are. It is told nothing but the name of the file. */
export function datasetServer({ name, url, dataset }: DatasetSettings): HttpServer {
  const failed = (problem: string, remedy: string, cause?: unknown) =>
    new EsplanadeError('DOWNLOAD_FAILED', { place: url, problem, remedy, cause })
  return {
    headers: () => ({}),
    refusal: (status, _, { host }) => {
      if (status !== 404 && status !== 410) {
        return failed(`${host} answers with status ${status}`, `Try again later; ${MIRROR}`)
      }
      const home = dataset === undefined ? '' : `See ${dataset.homepage}; `
      return failed(`${host} has no file ${name}.zip`, `${home}${MIRROR}`)
    },
    misled: problem =>
      failed(`the server cannot be used: ${problem}`, `Check the address; ${MIRROR}`),
    failure: ({ problem, cause }) =>
      failed(problem, `Try again later: ${RESUMABLE}; ${MIRROR}`, cause),
    aborted: signal =>
      new EsplanadeError('ABORTED', {
        place: name,
        problem: `the download was stopped; ${RESUMABLE}`,
        cause: signal.reason
      })
  }
}
