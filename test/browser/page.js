import { EsplanadeError } from 'esplanade'
import { modelFilesFromUrl, SparseEncoder } from 'esplanade/encoder'
import { explainHit } from 'esplanade/explain'
import { SparseIndex, SparseIndexBuilder } from 'esplanade/search'
import { env } from 'onnxruntime-web/wasm'

/** The program that `encode.test.ts` runs in a page: each function is called from there. */

env.wasm.wasmPaths = new URL('/ort/', location.href).href

/** Vectors as arrays, which can leave the page. */
async function encode(model, options, texts) {
  await using encoder = await SparseEncoder.load(model, options)
  const vectors = await encoder.encodeDocument(texts)
  const plain = vectors.map(({ terms, weights }) => ({ terms: [...terms], weights: [...weights] }))
  return { precision: encoder.precision, fingerprint: encoder.fingerprint, vectors: plain }
}

/** Indexes documents and searches them; the index goes through its bytes. */
async function search(documents, query) {
  await using encoder = await SparseEncoder.load('/models/splade-tiny/')
  const builder = new SparseIndexBuilder()
  const vectors = await encoder.encodeDocument(documents.map(({ text }) => text))
  documents.forEach(({ key }, i) => {
    builder.add(key, vectors[i])
  })
  const index = SparseIndex.fromBytes((await builder.finish()).toBytes())
  const vector = await encoder.encodeQuery(query)
  const { hits } = await index.search(vector)
  const [{ key }] = hits
  const { score, terms } = explainHit({
    explanation: index.explain(vector, key),
    contributions: index.contributions(vector, key),
    text: documents.find(document => document.key === key).text,
    queryText: query,
    tokenizer: encoder.tokenizer
  })
  return { isWasm: index.isWasm, hits, score, terms }
}

/** What loading a model that cannot be loaded says. */
async function refusal(model, options) {
  try {
    await SparseEncoder.load(model, options)
  } catch (error) {
    const { code, message } = error
    return { isOurs: error instanceof EsplanadeError, code, message }
  }
}

/** How far the download of a file comes. */
async function progressOf(file) {
  const heard = []
  const onDownload = progress => heard.push(progress)
  const url = new URL('/models/splade-tiny', location.href)
  const bytes = await modelFilesFromUrl(url, { onDownload }).read(file)
  return { numBytes: bytes.length, first: heard[0], last: heard.at(-1) }
}

/** The same program in a worker of the application, which has no document. */
function inWorker(name, ...args) {
  const worker = new Worker(new URL('main.js', location.href), { type: 'module' })
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage([name, ...args])
  }).finally(() => worker.terminate())
}

if (typeof document === 'undefined') {
  globalThis.onmessage = async ({ data: [name, ...args] }) => {
    postMessage(await globalThis.page[name](...args))
  }
}

globalThis.page = {
  encode,
  search,
  refusal,
  progressOf,
  inWorker,
  isIsolated: () => crossOriginIsolated
}
