import { EsplanadeError } from '../errors.ts'
import { Tokenizer } from '../text/tokenizer.ts'
import { ModelConfig, parseJsonObject } from './model-config.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'

/**
 * The tokenizer of a folder with `tokenizer.json` and, where there is one, `tokenizer_config.json`.
 *
 * @param lowercase - refuses a tokenizer that keeps capital letters
 * @param numTerms - terms of the model; default: what its `config.json` says, if there is one
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`
 */
export async function readTokenizer(
  files: ModelFiles,
  lowercase = false,
  numTerms?: number
): Promise<Tokenizer> {
  const place = files.placeOf('tokenizer.json')
  const json = parseJsonObject(await requiredFile(files, 'tokenizer.json'), place)
  if (lowercase && !lowers(json.normalizer)) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place,
      problem: 'the tokenizer keeps capital letters, and do_lower_case is true',
      expected: 'a tokenizer that makes texts lower case itself'
    })
  }
  const config = await files.read('tokenizer_config.json')
  return Tokenizer.fromJson(
    json,
    config && parseJsonObject(config, files.placeOf('tokenizer_config.json')),
    numTerms ?? (await configuredTerms(files))
  )
}

/** A tokenizer may be all that there is. */
async function configuredTerms(files: ModelFiles): Promise<number | undefined> {
  const bytes = await files.read('config.json')
  if (bytes === undefined) return undefined
  const config = new ModelConfig(bytes, files.placeOf('config.json'))
  return config.has('vocab_size') ? config.size('vocab_size') : undefined
}

function lowers(normalizer: unknown): boolean {
  if (typeof normalizer !== 'object' || normalizer === null) return false
  const { type, lowercase, normalizers } = normalizer as Record<string, unknown>
  if (type === 'Sequence') return Array.isArray(normalizers) && normalizers.some(lowers)
  return type === 'Lowercase' || (type === 'BertNormalizer' && lowercase !== false)
}
