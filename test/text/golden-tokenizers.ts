import { Tokenizer } from '../../src/text/tokenizer.ts'
import { readJson, type Spoilable } from './shipped-tokenizer.ts'

/** What the reference makes of a text: ids without special tokens around them, starts and ends. */
export interface GoldenCase {
  readonly text: string
  readonly ids: readonly number[]
  readonly offsets: readonly number[]
}

/** A tokenizer that was trained for the tests, or another setting of it, with its cases. */
export interface GoldenTokenizer {
  readonly name: string
  /** `tokenizer.json`, parsed. */
  readonly json: Spoilable
  readonly config: unknown
  readonly cases: readonly GoldenCase[]
}

/** All of `test/golden/tokenizers`, which `test/golden/make-tokenizers.py` makes. */
export function goldenTokenizers(): GoldenTokenizer[] {
  return ['roberta', 'modernbert', 'xlm-roberta', 'distilbert'].flatMap(family => {
    const folder = `test/golden/tokenizers/${family}`
    const json = readJson(`${folder}/tokenizer.json`) as Spoilable
    const config = readJson(`${folder}/tokenizer_config.json`)
    const { cases, variants } = readJson(`${folder}/cases.json`) as {
      cases: GoldenCase[]
      variants: { name: string; changes: Spoilable; cases: GoldenCase[] }[]
    }
    const others = variants.map(({ name, changes, cases: own }) => ({
      name: `${family}: ${name}`,
      json: { ...json, ...withCharsmap(changes, json) },
      config,
      cases: own
    }))
    return [{ name: family, json, config, cases }, ...others]
  })
}

/** The table of characters is kept once, in `tokenizer.json`; variants say "as above". */
function withCharsmap(changes: Spoilable, json: Spoilable): Spoilable {
  const table = json.normalizer?.normalizers?.[0]?.precompiled_charsmap
  return JSON.parse(JSON.stringify(changes), (key, value) =>
    key === 'precompiled_charsmap' ? table : value
  )
}

export function tokenizerOf({ json, config }: GoldenTokenizer): Tokenizer {
  return Tokenizer.fromJson(json, config)
}
