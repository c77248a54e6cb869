/** `esplanade/corpus` in browsers: documents are handed in, as there are no files to read. */

export type {
  CorpusFormat,
  CorpusRecord,
  Document,
  DocumentRecord,
  ProblemRecord,
  RawVector
} from '../corpus/document.ts'
export { rejectDuplicates } from '../corpus/duplicates.ts'
export type { FieldOptions } from '../corpus/fields.ts'
export { type DocumentInput, fromObjects } from '../corpus/from-objects.ts'
export {
  type JsonObject,
  type JsonValue,
  type Metadata,
  metadataFromJson,
  metadataToJson
} from '../corpus/metadata.ts'
export { type Passage, type PassageOptions, splitPassages } from '../corpus/passages.ts'
