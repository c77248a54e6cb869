import { dateFromJson, type Metadata, type MetadataValue } from '../corpus/metadata.ts'

/**
 * Metadata as the store gives them back: what the caller does to the objects later leaves no trace,
 * and `{"$date": …}` is a date.
 */
export function copyOfMetadata(metadata: Metadata): Metadata {
  return copyOfFields(metadata)
}

function copyOf(value: MetadataValue): MetadataValue {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return new Date(value)
  if (Array.isArray(value)) return value.map(copyOf)
  return dateFromJson(value) ?? copyOfFields(value as Metadata)
}

function copyOfFields(fields: Metadata): Metadata {
  // fromEntries defines own properties, so a field called __proto__ stays a field.
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, copyOf(value)]))
}
