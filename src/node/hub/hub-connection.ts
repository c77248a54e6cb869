import { EsplanadeError } from '../../errors.ts'
import { HttpConnection, type HttpServer } from '../http/http-connection.ts'
import { PassingError } from '../http/passing-error.ts'
import { type Asked, failure, refusal } from './hub-errors.ts'
import type { HubSettings, HubToken } from './hub-settings.ts'

/** Requests to a hub about one model. */
export class HubConnection extends HttpConnection {
  readonly asked: Asked
  readonly settings: HubSettings

  constructor(settings: HubSettings, about: Omit<Asked, 'endpoint'>) {
    const asked = { ...about, endpoint: settings.endpoint }
    super(hubServer(asked, settings.token()), settings)
    this.asked = asked
    this.settings = settings
  }
}

/** The token goes to the hub's own origin only, never to the servers that hold the files. */
function hubServer(asked: Asked, token: HubToken | undefined): HttpServer {
  const { origin } = new URL(asked.endpoint)
  return {
    headers: url =>
      url.origin === origin && token !== undefined
        ? { authorization: `Bearer ${token.value}` }
        : {},
    refusal: (status, headers, url) => {
      // What a server of files says is no word about the model.
      if (url.origin === origin) return refusal(status, headers.get('x-error-code'), asked, token)
      return new PassingError(`${url.host}, which holds the file, answers with status ${status}`)
    },
    misled: problem =>
      new EsplanadeError('DOWNLOAD_FAILED', {
        place: asked.model,
        problem: `${asked.endpoint} is no hub that can be used: ${problem}`,
        remedy: 'Check HF_ENDPOINT'
      }),
    failure: error => failure(error, asked),
    aborted: signal =>
      new EsplanadeError('ABORTED', {
        place: asked.model,
        problem: 'the download was stopped; what has arrived is kept',
        cause: signal.reason
      })
  }
}
