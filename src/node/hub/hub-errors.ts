import { EsplanadeError } from '../../errors.ts'
import type { PassingError } from '../http/passing-error.ts'
import type { HubToken } from './hub-settings.ts'

/** What was asked for, for messages. */
export interface Asked {
  readonly endpoint: string
  /** `org/name`. */
  readonly model: string
  readonly revision: string
}

/** What a refusal means and what to do about it; the hub names its reasons in `X-Error-Code`. */
export function refusal(
  status: number,
  reason: string | null,
  asked: Asked,
  token: HubToken | undefined
): EsplanadeError {
  const { endpoint, model, revision } = asked
  if (reason === 'RevisionNotFound') {
    return new EsplanadeError('MODEL_NOT_FOUND', {
      place: model,
      problem: `the model has no revision "${revision}"`,
      expected: 'one of its branches, tags or commits'
    })
  }
  if (reason === 'GatedRepo') return gated(asked, token)
  if (status === 401 && token !== undefined && reason !== 'RepoNotFound') {
    return new EsplanadeError('MODEL_FORBIDDEN', {
      place: model,
      problem: `the hub does not accept the token of ${token.from}`,
      remedy: 'Make a new one in the settings of your account; public models need none'
    })
  }
  // To strangers the hub does not tell a private model from one that is not there.
  if (status === 401 || status === 404) return notFound(asked, token)
  if (status === 403) {
    return new EsplanadeError('MODEL_FORBIDDEN', {
      place: model,
      problem:
        token === undefined
          ? 'the hub refuses the model to those without a token'
          : `the hub refuses the model to the token of ${token.from}`,
      remedy: token === undefined ? SET_TOKEN : 'Give the token the right to read this model'
    })
  }
  return new EsplanadeError('DOWNLOAD_FAILED', {
    place: model,
    problem: `${endpoint} answers with status ${status}`,
    remedy: 'Look at the page of the model, or try again later'
  })
}

const SET_TOKEN = 'Set HF_TOKEN to a token that may read it, or log in with `hf auth login`'

function notFound({ endpoint, model }: Asked, token: HubToken | undefined): EsplanadeError {
  const page = `${endpoint}/${model}`
  return new EsplanadeError('MODEL_NOT_FOUND', {
    place: model,
    problem:
      token === undefined
        ? 'there is no folder of this name, and on the hub no public model'
        : `there is no folder of this name, and on the hub no model that the token of ${token.from} opens`,
    remedy:
      token === undefined
        ? `Check the name (${page}). If the model is private: ${SET_TOKEN}`
        : `Check the name (${page}); if the model is private, that the token may read it`
  })
}

function gated({ endpoint, model }: Asked, token: HubToken | undefined): EsplanadeError {
  const accept = `accept its terms on ${endpoint}/${model}`
  return new EsplanadeError('MODEL_FORBIDDEN', {
    place: model,
    problem:
      token === undefined
        ? 'the model is gated: it is for those who have accepted its terms'
        : `the model is gated, and the account of the token of ${token.from} has no access`,
    remedy:
      token === undefined
        ? `Log in and ${accept}. Then: ${SET_TOKEN}`
        : `With that account, ${accept}; some owners answer by hand, which takes a while`
  })
}

/** What is left to say when trying again has not helped. */
export function failure(error: PassingError, { endpoint, model }: Asked): EsplanadeError {
  const elsewhere = 'HF_ENDPOINT names another hub, and HF_HUB_OFFLINE=1 takes what the cache has'
  return new EsplanadeError('DOWNLOAD_FAILED', {
    place: model,
    problem: `${endpoint}: ${error.problem}`,
    remedy: `Try again later: what has arrived is kept. ${elsewhere}`,
    cause: error.cause
  })
}
