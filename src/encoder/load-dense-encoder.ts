import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { checkedCount } from './checked-count.ts'
import {
  type DenseEncoder,
  type DenseEncoderSide,
  type DenseLoadOptions,
  TransformerDenseEncoder
} from './dense-encoder.ts'
import { type DenseLayout, type DenseSide, readDenseLayout } from './dense-layout.ts'
import { DENSE_POOLINGS } from './dense-pooling.ts'
import { checkVocabularySize, defaultMaxTokens, maxBatchTokensOf } from './load-encoder-side.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn } from './model-layout.ts'
import { openDenseModel } from './open-dense-model.ts'
import { readTokenizer } from './read-tokenizer.ts'
import { withPrompt } from './side-tokenizer.ts'
import { MIN_MAX_TOKENS } from './splade-encoder.ts'
import { openDenseEncoder } from './threads.ts'

/**
 * Makes a dense encoder of a model's files, in any of the layouts that `readDenseLayout` knows.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`
 */
export async function loadDenseEncoder(
  files: ModelFiles,
  options: DenseLoadOptions = {}
): Promise<DenseEncoder> {
  checkOptions(options)
  const layout = asAsked(await readDenseLayout(files), options)
  const documents = await loadSide(files, layout.documents, options)
  try {
    const queries = await queriesOf(files, layout, documents, options)
    return new TransformerDenseEncoder({
      name: files.name,
      fingerprint: fingerprintOf(layout, documents, queries),
      dimensions: documents.dimensions,
      pooling: documents.isPooled ? 'as-exported' : layout.documents.head.pooling,
      isNormalized: layout.documents.head.normalize,
      tokenizer: documents.tokenizer,
      documents: documents.side,
      queries: queries.side
    })
  } catch (error) {
    await documents.side.encoder.close()
    throw error
  }
}

/** One side as it was loaded. */
interface LoadedDenseSide {
  readonly side: DenseEncoderSide
  readonly tokenizer: Tokenizer
  readonly dimensions: number
  readonly isPooled: boolean
  /** Of the weights alone. */
  readonly fingerprint: string
}

async function loadSide(
  files: ModelFiles,
  layout: DenseSide,
  options: DenseLoadOptions
): Promise<LoadedDenseSide> {
  const own = filesIn(files, layout.folder)
  const { plan, ...model } = await openDenseModel(own)
  const { dimensions, isPooled, fingerprint, maxPositions } = model
  if (isPooled && options.pooling !== undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'pooling',
      problem: 'the graph pools by itself, so its pooling cannot be chosen',
      remedy: 'Leave the option out, or use a graph that gives last_hidden_state'
    })
  }
  const tokenizer = await readTokenizer(own, layout.lowercase)
  checkVocabularySize(tokenizer, model.vocabularySize ?? Number.POSITIVE_INFINITY, own)
  const maxTokens = options.maxTokens ?? defaultMaxTokens(layout, maxPositions)
  checkedCount('maxTokens', maxTokens, MIN_MAX_TOKENS, maxPositions)
  const maxBatchTokens = maxBatchTokensOf(options)
  const planned = plan(layout.head, tokenizer.specialTokens.pad ?? 0)
  const side = {
    tokenizer: withPrompt(tokenizer, layout.prompt),
    maxTokens,
    maxPositions,
    maxBatchTokens,
    encoder: await openDenseEncoder({ ...planned, device: options.device }, options)
  }
  return { side, tokenizer, dimensions, isPooled, fingerprint }
}

/** What encodes queries: what encodes documents, but for its prompt, unless the layout says otherwise. */
async function queriesOf(
  files: ModelFiles,
  { documents: { prompt: _, ...alike }, queries }: DenseLayout,
  documents: LoadedDenseSide,
  options: DenseLoadOptions
): Promise<LoadedDenseSide> {
  const { prompt, ...other } = queries
  if (JSON.stringify(alike) === JSON.stringify(other)) {
    const { side, tokenizer } = documents
    return { ...documents, side: { ...side, tokenizer: withPrompt(tokenizer, prompt) } }
  }
  const loaded = await loadSide(files, queries, options)
  if (loaded.dimensions === documents.dimensions) return loaded
  await loaded.side.encoder.close()
  throw new EsplanadeError('MODEL_MISMATCH', {
    place: files.name,
    problem: `queries have ${loaded.dimensions} dimensions, documents ${documents.dimensions}`,
    expected: 'the same of both',
    remedy: 'Use the model as it was saved'
  })
}

/** The layout with what was asked for in place of what the model says. */
function asAsked(layout: DenseLayout, options: DenseLoadOptions): DenseLayout {
  const { pooling, normalize, prompts = {} } = options
  const sideOf = ({ head, ...side }: DenseSide, prompt: string | undefined): DenseSide => ({
    ...side,
    prompt: prompt ?? side.prompt,
    head: { pooling: pooling ?? head.pooling, normalize: normalize ?? head.normalize }
  })
  return {
    documents: sideOf(layout.documents, prompts.document),
    queries: sideOf(layout.queries, prompts.query)
  }
}

function fingerprintOf(
  layout: DenseLayout,
  documents: LoadedDenseSide,
  queries: LoadedDenseSide
): string {
  const identityOf = ({ head, prompt }: DenseSide, { isPooled, fingerprint }: LoadedDenseSide) => [
    isPooled ? 'as-exported' : head.pooling,
    head.normalize,
    prompt,
    fingerprint
  ]
  const identity = JSON.stringify([
    identityOf(layout.documents, documents),
    identityOf(layout.queries, queries)
  ])
  return (crc32.str(identity) >>> 0).toString(16).padStart(8, '0')
}

function checkOptions({ pooling, normalize, prompts }: DenseLoadOptions): void {
  if (pooling !== undefined && !DENSE_POOLINGS.includes(pooling)) {
    throw invalid('pooling', pooling, DENSE_POOLINGS.join(' or '))
  }
  if (normalize !== undefined && typeof normalize !== 'boolean') {
    throw invalid('normalize', normalize, 'true or false')
  }
  for (const [task, prompt] of Object.entries(prompts ?? {})) {
    if (typeof prompt !== 'string' && prompt !== undefined) {
      throw invalid(`prompts.${task}`, prompt, 'a string')
    }
  }
}

function invalid(place: string, given: unknown, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem: `given ${given}`, expected })
}
