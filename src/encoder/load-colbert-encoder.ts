import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { checkedCount } from './checked-count.ts'
import { readCheckpoint } from './checkpoint.ts'
import { ColbertEncoder, MIN_MARKED_TOKENS } from './colbert-encoder.ts'
import {
  type ColbertLayout,
  type ColbertProjection,
  type ColbertTexts,
  readColbertLayout
} from './colbert-layout.ts'
import { checkVocabularySize, defaultMaxTokens, maxBatchTokensOf } from './load-encoder-side.ts'
import { type Marking, markedTokenizer } from './marked-tokenizer.ts'
import type { TransformerEncoder } from './masked-language-model.ts'
import { readTransformerEncoder } from './model-families.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn } from './model-layout.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { buildTransformerGraph, OWN_PORTS, openDenseModel } from './open-dense-model.ts'
import { readTokenizer } from './read-tokenizer.ts'
import { readWeights } from './read-weights.ts'
import { createSession, type ExternalData } from './session.ts'
import { withPrompt } from './side-tokenizer.ts'
import type { HubOptions, LoadOptions } from './sparse-encoder.ts'
import { GRAPH_PORTS } from './token-batch.ts'
import { TokenVectorEncoder, type TokenVectorUse } from './token-vector-encoder.ts'
import { TransformerLayers } from './transformer-layers.ts'
import type { Weights } from './weights.ts'

/** How a model of late interaction is loaded. */
export interface ColbertOptions
  extends HubOptions,
    Pick<LoadOptions, 'maxBatchTokens' | 'device' | 'numThreads'> {}

/**
 * Makes an encoder of token vectors of a model's files, in any of the layouts that `readColbertLayout`
 * knows. Of a ready ONNX graph the output with a vector a token is taken as it is.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`
 */
export async function loadColbertEncoder(
  files: ModelFiles,
  options: ColbertOptions = {}
): Promise<ColbertEncoder> {
  const layout = await readColbertLayout(files)
  const maxBatchTokens = maxBatchTokensOf(options)
  const own = filesIn(files, layout.folder)
  const model = await openModel(files, layout)
  const tokenizer = await readTokenizer(own, layout.lowercase)
  checkVocabularySize(tokenizer, model.vocabularySize ?? Number.POSITIVE_INFINITY, own)
  const fill = layout.fill && {
    length: layout.fill.length,
    tokenId: fillerOf(tokenizer, layout.fill.term, own)
  }
  const skipped = new Set(layout.skipped.flatMap(term => tokenizer.vocabulary.idOf(term) ?? []))
  const { graph, externalData, maxPositions } = model
  const { device, numThreads } = options
  const sideOf = (texts: ColbertTexts, marking: Pick<Marking, 'fill'>) => ({
    tokenizer: markedTokenizer(withPrompt(tokenizer, texts.prompt), {
      markerId: texts.marker === undefined ? undefined : idOf(tokenizer, texts.marker, own),
      ...marking
    }),
    maxTokens: maxTokensOf(texts, layout, maxPositions),
    maxPositions,
    maxBatchTokens
  })
  const queries = sideOf(layout.queries, { fill })
  const documents = sideOf(layout.documents, { fill: undefined })
  if (fill !== undefined) checkedCount('the query length', fill.length, 1, maxPositions)
  const session = await createSession(graph, numThreads, { externalData, device })
  const use: Omit<TokenVectorUse, 'fillerId' | 'skipped'> = {
    ports: model.ports,
    output: model.output,
    padId: tokenizer.specialTokens.pad ?? 0
  }
  const fillerId = layout.fill?.isAttended ? undefined : fill?.tokenId
  return new ColbertEncoder({
    name: files.name,
    fingerprint: model.fingerprint,
    dimensions: model.output.size,
    tokenizer,
    queries: {
      ...queries,
      encoder: new TokenVectorEncoder(session, { ...use, fillerId, skipped: new Set() })
    },
    documents: {
      ...documents,
      encoder: new TokenVectorEncoder(session, { ...use, fillerId: undefined, skipped })
    },
    close: () => session.close()
  })
}

function maxTokensOf(
  { maxTokens }: ColbertTexts,
  { projection }: ColbertLayout,
  maxPositions: number
): number {
  // Without a projection it is a dense model, which has the limit of dense encoders.
  const usual =
    projection === undefined
      ? defaultMaxTokens({ maxSeqLength: maxTokens }, maxPositions)
      : Math.min(maxTokens ?? maxPositions, maxPositions)
  return Math.max(usual, MIN_MARKED_TOKENS)
}

function idOf(tokenizer: Tokenizer, term: string, files: ModelFiles): number {
  const id = tokenizer.vocabulary.idOf(term)
  if (id !== undefined) return id
  throw new EsplanadeError('MODEL_MISMATCH', {
    place: files.placeOf('tokenizer.json'),
    problem: `it lacks the term ${JSON.stringify(term)}, which marks or fills up texts`,
    expected: 'the tokenizer that was saved with the weights'
  })
}

function fillerOf(tokenizer: Tokenizer, term: string | undefined, files: ModelFiles): number {
  return term === undefined
    ? (tokenizer.specialTokens.mask ?? idOf(tokenizer, '[MASK]', files))
    : idOf(tokenizer, term, files)
}

/** A graph that gives a vector a token, and what is known of it. */
interface OpenTokenModel extends Pick<TokenVectorUse, 'ports' | 'output'> {
  readonly vocabularySize: number | undefined
  readonly maxPositions: number
  readonly fingerprint: string
  readonly graph: Uint8Array
  readonly externalData: readonly ExternalData[]
}

async function openModel(
  files: ModelFiles,
  { folder, projection }: ColbertLayout
): Promise<OpenTokenModel> {
  const own = filesIn(files, folder)
  const checkpoint =
    projection === undefined || files.graphFile !== undefined
      ? undefined
      : await readCheckpoint(own, (config, weights) => ({
          encoder: readTransformerEncoder(config, weights),
          weights
        }))
  if (checkpoint === undefined || projection === undefined) return openAsItIs(own, projection)
  const { encoder, weights } = checkpoint.model
  const isApart = projection.folder !== folder
  const found = isApart ? await readWeights(filesIn(files, projection.folder)) : undefined
  const projected = withProjection(encoder, found?.weights ?? weights, projection.hasBias, files)
  const { vocabularySize, maxPositions, hiddenSize: size } = projected
  const { bytes: graph, externalData } = buildTransformerGraph(projected)
  return {
    vocabularySize,
    maxPositions,
    fingerprint: checkpoint.fingerprint,
    graph,
    externalData,
    ports: OWN_PORTS,
    output: { name: GRAPH_PORTS.output, size }
  }
}

/** Without a projection, or with one that is a part of the graph. */
async function openAsItIs(
  own: ModelFiles,
  projection: ColbertProjection | undefined
): Promise<OpenTokenModel> {
  const { plan, isPooled, ...model } = await openDenseModel(own)
  const size = projection?.dimensions ?? model.dimensions
  if (isPooled || size !== model.dimensions) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place: own.name,
      problem: isPooled
        ? 'the graph pools its tokens into one vector'
        : `the vectors of the graph have ${model.dimensions} dimensions`,
      expected: `a graph that gives a vector of ${size} dimensions for each token`,
      remedy: 'Use the weights of the model, or export it with its projection'
    })
  }
  const { graph, externalData, ports, output } = plan({ pooling: 'mean', normalize: false }, 0)
  return { ...model, graph, externalData, ports, output }
}

/** A transformer whose states are multiplied with `linear.weight`. */
function withProjection(
  encoder: TransformerEncoder,
  weights: Weights,
  hasBias: boolean,
  files: ModelFiles
): TransformerEncoder {
  const shape = weights.shapeOf('linear.weight')
  if (shape?.length !== 2 || shape[1] !== encoder.hiddenSize) {
    throw new EsplanadeError('MODEL_MISMATCH', {
      place: files.name,
      problem: `the projection linear.weight is ${shape ? `of ${shape.join(' × ')}` : 'missing'}`,
      expected: `dimensions × ${encoder.hiddenSize}`,
      remedy: 'Use the checkpoint as it was saved'
    })
  }
  const [size] = shape as [number, number]
  return {
    ...encoder,
    hiddenSize: size,
    addStates: (graph: OnnxGraph, inputs): Tensor => {
      const layers = new TransformerLayers(graph, weights, encoder.hiddenSize, 0)
      return layers.dense('linear', encoder.addStates(graph, inputs), size, { bias: hasBias })
    }
  }
}
