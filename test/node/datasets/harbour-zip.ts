import { type Zippable, zipSync } from 'fflate'
import { noise } from '../hub/hub-fixture.ts'

const lines = (...objects: object[]) => objects.map(one => `${JSON.stringify(one)}\n`).join('')

/** A data set of our own in BEIR's form, by path in its folder. */
export const harbourFiles: Readonly<Record<string, Uint8Array>> = {
  'corpus.jsonl': Buffer.from(
    lines(
      { _id: 'tides', title: 'Tides', text: 'The moon pulls the sea up and lets it fall again.' },
      { _id: 'gulls', title: 'Gulls', text: 'Gulls follow the fishing boats to the harbour.' },
      { _id: 'knots', title: 'Bowline', text: 'A loop in a rope that will not slip.' }
    )
  ),
  'queries.jsonl': Buffer.from(lines({ _id: 'q1', text: 'what makes the sea rise' })),
  'qrels/test.tsv': Buffer.from('query-id\tcorpus-id\tscore\nq1\ttides\t1\n'),
  // So that a connection can be cut in the midst of it.
  'noise.bin': noise(200_000),
  'empty.txt': new Uint8Array(0)
}

/** Files in a folder of a name, as BEIR packs them. */
export function zipped(
  folder: string,
  files: Readonly<Record<string, Uint8Array>> = harbourFiles
): Uint8Array {
  const entries: Zippable = { [`${folder}/`]: [new Uint8Array(0), { level: 0 }] }
  for (const [path, content] of Object.entries(files)) entries[`${folder}/${path}`] = content
  return zipSync(entries)
}
