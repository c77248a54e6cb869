import { Command, Option } from 'commander'
import { EsplanadeError, type Metric, similarityMatrix } from 'esplanade'
import { SparseEncoder } from 'esplanade/encoder'
import type { Heatmap } from '../heatmap.ts'
import { renderHeatmapSvg } from '../heatmap-svg.ts'
import { renderHeatmapTable } from '../heatmap-table.ts'
import {
  loadOptions,
  type ModelFlags,
  maxTokensOption,
  poolingOption,
  precisionOption,
  revisionOption
} from '../model-options.ts'
import { writeWholeFile } from '../output-file.ts'
import { counted } from '../readable.ts'
import { terminalOf } from '../terminal.ts'

interface SimilarityFlags extends ModelFlags {
  readonly metric: Metric
  readonly model: string
  readonly svg?: string
  readonly json?: boolean
}

/** `similarity`: how alike texts are to a model, pair by pair. */
export function similarityCommand(): Command {
  return new Command('similarity')
    .description('Compare texts with each other: a matrix, and a heatmap.')
    .argument('<texts...>', 'two texts or more')
    .addOption(
      new Option('--metric <metric>', 'cosine, or dot for the product that search ranks by')
        .choices(['cosine', 'dot'])
        .default('cosine')
    )
    .option('--svg <file>', 'write a heatmap, too')
    .option('--model <model>', 'name or folder of the model, or org/name on the hub', 'splade-tiny')
    .addOption(revisionOption())
    .addOption(poolingOption())
    .addOption(precisionOption())
    .addOption(maxTokensOption())
    .option('--json', 'one JSON object: model, metric, texts, matrix')
    .action(compare)
}

async function compare(texts: string[], flags: SimilarityFlags): Promise<void> {
  if (texts.length < 2) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'one text was given',
      expected: 'two texts or more, each in quotation marks'
    })
  }
  const { metric } = flags
  await using encoder = await SparseEncoder.load(flags.model, loadOptions(flags))
  let numTruncated = 0
  const vectors = await encoder.encodeDocument(texts, {
    onProgress: progress => {
      numTruncated = progress.numTruncated
    }
  })
  if (numTruncated > 0) {
    const texts = counted(numTruncated, 'text')
    process.stderr.write(`only the first ${encoder.maxTokens} tokens of ${texts} were read\n`)
  }
  const matrix = similarityMatrix(vectors, vectors, metric)
  const heatmap: Heatmap = {
    title: `${metric === 'cosine' ? 'Cosine similarity' : 'Dot product'}, ${encoder.name}`,
    texts,
    matrix,
    // A cosine has a scale of its own, so that heatmaps of different texts compare.
    max: metric === 'cosine' ? 1 : Math.max(...matrix.flat())
  }
  if (flags.svg !== undefined) await writeWholeFile(flags.svg, renderHeatmapSvg(heatmap))
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ model: encoder.name, metric, texts, matrix })}\n`
      : renderHeatmapTable(heatmap, terminalOf(process.stdout))
  )
}
