import { modelFilesFromUrl } from '../encoder/fetched-model.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type { HubOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'

const DEFAULT_ENDPOINT = 'https://huggingface.co'

/** `org/name`, as on the hub; the hub itself refuses what is none of its names. */
const HUB_NAME = /^\w[\w.-]*\/\w[\w.-]*$/

/**
 * The files of a model by the address of its folder, absolute or as from the page (`./models/mine/`),
 * or by its name on the hub.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND` for a name without a server; `INVALID_ARGUMENT` for options of
 *   a cache
 */
export function findModel(model: string, options: HubOptions = {}): ModelFiles {
  const { token, onDownload, signal } = options
  if (options.localFilesOnly || options.cacheDir !== undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: options.localFilesOnly ? 'localFilesOnly' : 'cacheDir',
      problem: 'in a browser there is no cache but its own',
      remedy: 'Leave the option out'
    })
  }
  const how = { ...(onDownload && { onDownload }), ...(signal && { signal }) }
  if (HUB_NAME.test(model)) {
    return {
      ...modelFilesFromUrl(hubUrl(model, options), { ...how, ...(token && { token }) }),
      name: model
    }
  }
  const base = globalThis.location?.href
  if (/^(https?:|\.{0,2}\/)/.test(model) && URL.canParse(model, base)) {
    return modelFilesFromUrl(new URL(model, base), how)
  }
  throw new EsplanadeError('MODEL_NOT_FOUND', {
    problem: `"${model}" names no server, and in a browser there are no folders`,
    expected:
      'the address of a folder, as in https://example.org/splade-tiny/ or ./splade-tiny/, or org/name of a model on the Hugging Face hub',
    remedy:
      'Serve the files of the model. Those of splade-tiny are in models/splade-tiny of the package'
  })
}

function hubUrl(
  model: string,
  { endpoint = DEFAULT_ENDPOINT, revision = 'main' }: HubOptions
): URL {
  const path = `${model}/resolve/${encodeURIComponent(revision)}/`
  return new URL(path, endpoint.endsWith('/') ? endpoint : `${endpoint}/`)
}
