/** `esplanade/corpus`: files → documents → passages. */

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
export { type Corpus, type CorpusOptions, openCorpus, readCorpus } from '../node/corpus-files.ts'
export { BEIR_DATASETS, type BeirDataset } from '../node/datasets/beir-datasets.ts'
export type { DatasetProgress, DownloadDatasetOptions } from '../node/datasets/dataset-settings.ts'
export { type DownloadedDataset, downloadDataset } from '../node/datasets/download-dataset.ts'
