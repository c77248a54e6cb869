import { EsplanadeError } from '../errors.ts'
import { Tokenizer } from '../text/tokenizer.ts'
import { parseJsonObject } from './model-config.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'

/**
 * The tokenizer of a folder with `tokenizer.json` and, where there is one, `tokenizer_config.json`.
 *
 * @param lowercase - refuses a tokenizer that keeps capital letters
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`
 */
export async function readTokenizer(files: ModelFiles, lowercase = false): Promise<Tokenizer> {
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
    config && parseJsonObject(config, files.placeOf('tokenizer_config.json'))
  )
}

function lowers(normalizer: unknown): boolean {
  if (typeof normalizer !== 'object' || normalizer === null) return false
  const { type, lowercase, normalizers } = normalizer as Record<string, unknown>
  if (type === 'Sequence') return Array.isArray(normalizers) && normalizers.some(lowers)
  return type === 'Lowercase' || (type === 'BertNormalizer' && lowercase !== false)
}
