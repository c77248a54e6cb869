import { EsplanadeError } from '../errors.ts'
import { ModelConfig, parseJsonObject } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import { readConfig, readMaxLength } from './model-layout.ts'
import { readModules } from './module-list.ts'

/** What makes a score of a logit: the logistic function, or nothing. */
export type ScoreActivation = 'sigmoid' | 'identity'

/** What a cross-encoder's files say of how pairs are scored. */
export interface ClassifierLayout {
  /** Undefined where they do not say. */
  readonly activation: ScoreActivation | undefined
  /** Tokens of a pair that it was saved for; undefined: as many as the model has positions. */
  readonly maxSeqLength: number | undefined
  /** Whether the model is told of which text a token is. */
  readonly usesTypes: boolean
}

const ACTIVATIONS: Readonly<Record<string, ScoreActivation>> = {
  'torch.nn.modules.activation.Sigmoid': 'sigmoid',
  'torch.nn.Sigmoid': 'sigmoid',
  'torch.nn.modules.linear.Identity': 'identity',
  'torch.nn.Identity': 'identity'
}

/**
 * Reads the folder of a cross-encoder as sentence-transformers saves it (versions 2 to 6), or transformers.
 * The activation stands in `config_sentence_transformers.json`, else in the section
 * `sentence_transformers` of `config.json`, else there as `sbert_ce_default_activation_function`.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for modules and settings that are not read: wrong scores
 * would be worse than none; `MODEL_FILE_INVALID`
 */
export async function readClassifierLayout(files: ModelFiles): Promise<ClassifierLayout> {
  await refuseModules(files)
  const settings = await readConfig(files, 'config_sentence_transformers.json')
  settings?.require('model_type', ['CrossEncoder'])
  settings?.require('default_prompt_name', [])
  const transformer = await readConfig(files, 'sentence_bert_config.json')
  transformer?.require('transformer_task', ['sequence-classification'])
  transformer?.require('do_lower_case', [false])
  transformer?.requireOnly([
    'transformer_task',
    'modality_config',
    'module_output_name',
    'max_seq_length',
    'do_lower_case',
    'unpad_inputs'
  ])
  const place = files.placeOf('config.json')
  const config = (await readConfig(files, 'config.json')) ?? new ModelConfig({}, place)
  const names = (await readConfig(files, 'tokenizer_config.json')) ?? new ModelConfig({}, place)
  return {
    activation: readActivation(settings, config),
    maxSeqLength: transformer?.has('max_seq_length')
      ? transformer.size('max_seq_length')
      : await readMaxLength(files),
    usesTypes: readUsesTypes(names)
  }
}

/**
 * As transformers 5 has it: by what the tokenizer's config lists, else by its class, of which those of no
 * family give no types.
 */
function readUsesTypes(config: ModelConfig): boolean {
  if (config.has('model_input_names')) {
    return config.texts('model_input_names').includes('token_type_ids')
  }
  const generic = ['TokenizersBackend', 'PreTrainedTokenizerFast']
  return !config.has('tokenizer_class') || !generic.includes(config.text('tokenizer_class'))
}

async function refuseModules(files: ModelFiles): Promise<void> {
  const bytes = await files.read('modules.json')
  if (bytes === undefined) return
  const place = files.placeOf('modules.json')
  const modules = readModules(Object.values(parseJsonObject(bytes, place, 'array')), place)
  if (modules.length === 1 && modules[0]!.kind === 'Transformer' && modules[0]!.path === '') return
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem: `the modules are ${modules.map(({ kind, path }) => `${kind} at "${path}"`).join(', ')}`,
    expected: 'one Transformer, at ""',
    remedy: 'Use a cross-encoder that is one model for sequence classification'
  })
}

function readActivation(
  settings: ModelConfig | undefined,
  config: ModelConfig
): ScoreActivation | undefined {
  const section = config.has('sentence_transformers')
    ? config.section('sentence_transformers')
    : undefined
  const places = [
    [settings, 'activation_fn'],
    [section, 'activation_fn'],
    [config, 'sbert_ce_default_activation_function']
  ] as const
  const found = places.find(([where, field]) => where?.has(field))
  if (found === undefined) return undefined
  const [where, field] = found
  where!.require(field, Object.keys(ACTIVATIONS))
  return ACTIVATIONS[where!.text(field)]
}
