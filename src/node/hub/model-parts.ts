import type { HubModel } from './hub-model.ts'

/** What a folder of a checkpoint, or of one module of it, may hold beside its weights. */
const SMALL_FILES: readonly string[] = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'modules.json',
  'router_config.json',
  'config_sentence_transformers.json',
  'sentence_bert_config.json',
  'adapter_config.json',
  'idf.json'
]

/** Weights in the order in which a loader looks for them; see `src/encoder/read-weights.ts`. */
const WEIGHTS: readonly string[] = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'model.pt',
  'onnx/model.onnx',
  'model.onnx'
]

/**
 * Files of a model that an encoder may read, for fetching it in advance: the configurations of it
 * and of its modules, and the weights in one format. A model that is loaded fetches what it reads,
 * which may be less.
 */
export async function partsOf(model: HubModel): Promise<string[]> {
  const tree = model.tree ?? new Map<string, unknown>()
  const parts: string[] = []
  for (const folder of await moduleFolders(model)) {
    const inFolder = (file: string) => (folder === '' ? file : `${folder}/${file}`)
    const candidates = [...SMALL_FILES, ...(await weightsIn(model, inFolder))]
    parts.push(...candidates.map(inFolder).filter(file => tree.has(file)))
  }
  return [...new Set(parts)]
}

/** The model's own folder, those that `modules.json` names, and those of a router among them. */
async function moduleFolders(model: HubModel): Promise<string[]> {
  const folders = new Set([''])
  for (const module of Object.values(await readJson(model, 'modules.json'))) {
    const path = (module as { path?: unknown } | null)?.path
    if (typeof path === 'string') folders.add(path)
  }
  for (const folder of [...folders]) {
    const prefix = folder === '' ? '' : `${folder}/`
    const { types } = await readJson(model, `${prefix}router_config.json`)
    for (const name of Object.keys(types ?? {})) folders.add(`${prefix}${name}`)
  }
  return [...folders]
}

/** The weights in the format that is read first, with the files that these name. */
async function weightsIn(
  model: HubModel,
  inFolder: (file: string) => string
): Promise<readonly string[]> {
  const first = WEIGHTS.find(file => model.tree?.has(inFolder(file)))
  if (first === undefined) return []
  // Large tensors of a graph lie beside it.
  if (first.endsWith('.onnx')) return [first, `${first}_data`, `${first}.data`]
  if (!first.endsWith('.index.json')) return [first]
  const { weight_map: shards } = await readJson(model, inFolder(first))
  return [first, ...Object.values(shards ?? {}).map(String)]
}

/** What cannot be read is for the loader to complain about, which knows what it needs. */
async function readJson(model: HubModel, file: string): Promise<Record<string, object>> {
  const bytes = await model.read(file)
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {}
  } catch {
    return {}
  }
}
