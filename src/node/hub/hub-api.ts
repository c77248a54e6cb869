import { EsplanadeError } from '../../errors.ts'
import type { HttpResponse } from '../http/http-connection.ts'
import { PassingError } from '../http/passing-error.ts'
import type { HubConnection } from './hub-connection.ts'
import { isCommit } from './hub-names.ts'
import { fileOfEntry, type HubFile, type HubTree } from './hub-tree.ts'

/** Far above what any model needs, and far below what a machine has. */
const MAX_ANSWER_BYTES = 2 ** 25
const MAX_FILES = 100_000
const MAX_ANSWERS = 200

/**
 * The commit that a branch or a tag points to now.
 *
 * @param maxFailures - after which it is given up; default: as for everything else
 * @throws EsplanadeError as {@link HubConnection.retrying}
 */
export async function commitOf(connection: HubConnection, maxFailures?: number): Promise<string> {
  const { model, revision, endpoint } = connection.asked
  const { modelInfo } = await import('@huggingface/hub')
  const { sha } = await readable(connection, () =>
    modelInfo({
      name: model,
      revision,
      hubUrl: endpoint,
      additionalFields: ['sha'],
      fetch: boundedFetch(connection, maxFailures)
    })
  )
  if (typeof sha === 'string' && isCommit(sha)) return sha
  throw unreadable(connection, `it gives ${JSON.stringify(sha)} as the commit of "${revision}"`)
}

/**
 * The files of a model at a commit, in all folders.
 *
 * @throws EsplanadeError as {@link HubConnection.retrying}
 */
export async function listTree(connection: HubConnection, commit: string): Promise<HubTree> {
  const { model, endpoint } = connection.asked
  const { listFiles } = await import('@huggingface/hub')
  const entries = listFiles({
    repo: { type: 'model', name: model },
    revision: commit,
    recursive: true,
    hubUrl: endpoint,
    fetch: boundedFetch(connection)
  })
  const tree = new Map<string, HubFile>()
  await readable(connection, async () => {
    let numEntries = 0
    for await (const entry of entries) {
      if (++numEntries > MAX_FILES) {
        throw unreadable(connection, `it lists more than ${MAX_FILES} files`)
      }
      const file = fileOfEntry(entry)
      if (file !== undefined) tree.set(...file)
    }
  })
  return tree
}

/**
 * `fetch` for the library: ours has the token, follows redirects, repeats, and reads no endless
 * answers. A refusal is thrown by it, since the library's own error does not keep the hub's reason.
 */
function boundedFetch(connection: HubConnection, maxFailures?: number): typeof fetch {
  let numAnswers = 0
  return (input, init) => {
    if (++numAnswers > MAX_ANSWERS) throw unreadable(connection, 'its listing does not end')
    return connection.retrying(
      async () => {
        const { accept } = Object.fromEntries(new Headers(init?.headers))
        const response = await connection.request(String(input), accept ? { accept } : {})
        return new Response(await textOf(connection, response), { headers: linksOf(response) })
      },
      undefined,
      maxFailures
    )
  }
}

/** The address of the next page; the other headers are those of bytes that are unpacked by now. */
function linksOf({ headers }: HttpResponse): Record<string, string> {
  const link = headers.get('link')
  return link === null ? {} : { link }
}

async function textOf(connection: HubConnection, response: HttpResponse): Promise<string> {
  const pieces: Uint8Array[] = []
  let numBytes = 0
  for await (const piece of response.body) {
    numBytes += piece.length
    if (numBytes > MAX_ANSWER_BYTES) throw unreadable(connection, 'its answer does not end')
    pieces.push(piece)
  }
  const expected = response.headers.get('content-length')
  const isPlain = response.headers.get('content-encoding') === null
  if (isPlain && expected !== null && Number(expected) !== numBytes) {
    throw new PassingError(`${numBytes} of ${expected} bytes of an answer arrived`)
  }
  return Buffer.concat(pieces).toString()
}

/** Whatever else goes wrong in the library, the answer was not what it reads. */
async function readable<T>(connection: HubConnection, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (cause instanceof EsplanadeError) throw cause
    throw unreadable(connection, 'its answer is not what the API of a hub gives', cause)
  }
}

function unreadable(
  { asked, settings }: HubConnection,
  problem: string,
  cause?: unknown
): EsplanadeError {
  return new EsplanadeError('DOWNLOAD_FAILED', {
    place: asked.model,
    problem: `${settings.endpoint}: ${problem}`,
    expected: 'the API of the Hugging Face hub',
    remedy: 'Check HF_ENDPOINT, and that no proxy or login page answers in its place',
    cause
  })
}
