import { EsplanadeError } from '../errors.ts'
import type { InferenceSession, RuntimeTensor, SessionPort } from './session.ts'
import type { TokenBatch } from './token-batch.ts'

/** Names that exporters give to the inputs of an encoder, by what they mean. */
const INPUT_NAMES = {
  ids: ['input_ids'],
  mask: ['attention_mask', 'input_mask'],
  /** Of which of two texts a token is; a text that stands alone is the first. */
  types: ['token_type_ids', 'segment_ids']
} as const

type Meaning = keyof typeof INPUT_NAMES
type NumberType = 'int64' | 'int32' | 'float32'
const NUMBER_TYPES: readonly NumberType[] = ['int64', 'int32', 'float32']

interface InputPort {
  readonly name: string
  readonly type: NumberType
  readonly meaning: Meaning
}

/** Which output of a graph is read, and what it holds. */
export interface OutputPort {
  readonly name: string
  /** Pooled, `[batch, vocabulary]`; else the logits of every token, `[batch, length, vocabulary]`. */
  readonly isPooled: boolean
  readonly vocabularySize: number
}

/** How a graph that others made is fed. It is a plain value, found once and used in all threads. */
export interface ReadyPorts {
  readonly inputs: readonly InputPort[]
  /** Whether a text can be told from its padding; if not, texts go one by one. */
  readonly isMasked: boolean
  /** Whether the graph takes one text at a time only. */
  readonly isSingle: boolean
  /** The number of tokens that the graph is made for, or undefined where it takes any. */
  readonly fixedLength: number | undefined
}

/**
 * Finds the meaning of each input by its name.
 *
 * @param place - what to call the graph in errors
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for inputs that are not known, by their names, and for
 * sizes and types that texts cannot be brought to
 */
export function readInputs(inputs: readonly SessionPort[], place: string): ReadyPorts {
  const known = inputs.map(port => ({ port, meaning: meaningOf(port.name) }))
  const unknown = known.filter(({ meaning }) => meaning === undefined).map(({ port }) => port.name)
  const names = Object.values(INPUT_NAMES).flat().join(', ')
  if (unknown.length > 0) {
    throw unsupported(place, `the graph asks for the input ${unknown.join(', ')}`, names)
  }
  if (!known.some(({ meaning }) => meaning === 'ids')) {
    throw unsupported(place, 'the graph has no input for token ids', INPUT_NAMES.ids.join())
  }
  const ports = known.map(({ port, meaning }) => {
    const type = NUMBER_TYPES.find(one => one === port.type)
    if (type === undefined || port.dims.length !== 2) {
      const shape = `${port.type ?? 'no tensor'} of ${port.dims.length} dimensions`
      throw unsupported(place, `the input ${port.name} is ${shape}`, `${NUMBER_TYPES.join()} of 2`)
    }
    return { name: port.name, type, meaning: meaning! }
  })
  const [batch, length] = inputs[0]!.dims
  if (typeof batch === 'number' && batch > 1) {
    throw unsupported(place, `the graph takes ${batch} texts at a time, no more and no less`, 'any')
  }
  return {
    inputs: ports,
    isMasked: ports.some(({ meaning }) => meaning === 'mask'),
    isSingle: batch === 1,
    // Exporters write a size that varies as a text; ONNX Runtime also has -1 for it.
    fixedLength: typeof length === 'number' && length > 0 ? length : undefined
  }
}

/** The tensors of a batch, each in the type that its input has. */
export function feedsFor(
  { inputs }: ReadyPorts,
  { ids, mask, types, numTexts, length }: TokenBatch
): Record<string, RuntimeTensor> {
  const dims = [numTexts, length]
  const feeds = inputs.map(({ name, type, meaning }): [string, RuntimeTensor] => {
    const values = { ids, mask, types: types ?? new Int32Array(ids.length) }[meaning]
    return [name, { type, data: converted(values, type), dims }]
  })
  return Object.fromEntries(feeds)
}

/**
 * Finds the output that holds a number for every term, by what the graph gives for a single token.
 * Of several, the one called `logits` is taken, else the first.
 *
 * @param vocabularySize - what the output must have, where that is known
 * @throws EsplanadeError `MODEL_UNSUPPORTED`, `RUNTIME_FAILED`
 */
export async function findOutput(
  session: InferenceSession,
  ports: ReadyPorts,
  vocabularySize: number | undefined,
  place: string
): Promise<OutputPort> {
  const { outputs, length, shapes } = await probe(session, ports)
  const found = session.outputNames.flatMap((name): OutputPort[] => {
    const { type, dims } = outputs[name]!
    const isPooled = dims.length === 2
    const isRight = type === 'float32' && (isPooled || (dims.length === 3 && dims[1] === length))
    const size = dims.at(-1)!
    return isRight && size === (vocabularySize ?? size)
      ? [{ name, isPooled, vocabularySize: size }]
      : []
  })
  const best = found.find(({ name }) => name === 'logits') ?? found[0]
  if (best !== undefined) return best
  const terms = vocabularySize ?? 'vocabulary'
  throw unsupported(
    place,
    `the graph gives ${shapes} for one token`,
    `float32 [1, 1, ${terms}], the logits of a masked language model, or [1, ${terms}], pooled`
  )
}

/** What a graph gives for a single token. */
export interface Probe {
  readonly outputs: Readonly<Record<string, RuntimeTensor>>
  /** Tokens that it was given, padding included. */
  readonly length: number
  /** All outputs with type and size, for messages. */
  readonly shapes: string
}

/** Runs a graph once, to see its outputs. */
export async function probe(session: InferenceSession, ports: ReadyPorts): Promise<Probe> {
  const length = ports.fixedLength ?? 1
  const mask = new Float32Array(length)
  mask[0] = 1
  const batch = { ids: new Int32Array(length), mask, numTexts: 1, length }
  const outputs = await session.run(feedsFor(ports, batch))
  const shapes = session.outputNames.map(name => {
    const { type, dims } = outputs[name]!
    return `${name}: ${type} [${dims.join(', ')}]`
  })
  return { outputs, length, shapes: shapes.join(', ') }
}

function meaningOf(name: string): Meaning | undefined {
  const entries = Object.entries(INPUT_NAMES) as [Meaning, readonly string[]][]
  return entries.find(([, names]) => names.includes(name))?.[0]
}

function converted(values: Int32Array | Float32Array, type: NumberType): RuntimeTensor['data'] {
  if (type === 'int64') return BigInt64Array.from(values, BigInt)
  return type === 'int32' ? Int32Array.from(values) : Float32Array.from(values)
}

function unsupported(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem,
    expected,
    remedy: 'Export the masked language model anew, or point to its weights instead'
  })
}
