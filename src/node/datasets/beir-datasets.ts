import { EsplanadeError } from '../../errors.ts'
import { editDistance } from '../../text/edit-distance.ts'

/** A data set of the BEIR benchmark: documents, queries and judgements. */
export interface BeirDataset {
  /** As BEIR calls it, and its folder. */
  readonly name: string
  /** Where it comes from, and where its licence and citation are. */
  readonly homepage: string
  /** Which judgements it has. */
  readonly splits: readonly ('train' | 'dev' | 'test')[]
  /** Of the split that figures are published for: `dev` of MS MARCO, `test` of all others. */
  readonly numQueries: number
  /** To three digits. */
  readonly numDocuments: number
  /** Bytes of the zip file. */
  readonly zipBytes: number
  /** Of the zip file. */
  readonly md5: string
}

/** Where BEIR's authors keep the zip files. */
export const BEIR_HOME = 'https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets'

/**
 * The data sets of BEIR (Thakur et al., BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of
 * Information Retrieval Models, NeurIPS 2021) that anybody may fetch.
 *
 * All is taken from the table "Available Datasets" in the README of github.com/beir-cellar/beir, at
 * commit ef83d293, but for `zipBytes`, which is `size_hint` in `etc/downloads.json` of
 * github.com/allenai/ir_datasets, at commit ae24b530; the MD5 sums there are the same. (The sums of
 * webis-touche2020 and fever in BEIR's `examples/dataset/md5.csv` are older ones, or wrong.)
 */
export const BEIR_DATASETS: readonly BeirDataset[] = [
  beir('msmarco', 'https://microsoft.github.io/msmarco/', 'train dev test', {
    numQueries: 6980,
    numDocuments: 8_840_000,
    zipBytes: 1_082_258_632,
    md5: '444067daf65d982533ea17ebd59501e4'
  }),
  beir('trec-covid', 'https://ir.nist.gov/covidSubmit/index.html', 'test', {
    numQueries: 50,
    numDocuments: 171_000,
    zipBytes: 73_876_720,
    md5: 'ce62140cb23feb9becf6270d0d1fe6d1'
  }),
  beir('nfcorpus', 'https://www.cl.uni-heidelberg.de/statnlpgroup/nfcorpus/', 'train dev test', {
    numQueries: 323,
    numDocuments: 3600,
    zipBytes: 2_448_432,
    md5: 'a89dba18a62ef92f7d323ec890a0d38d'
  }),
  beir('nq', 'https://ai.google.com/research/NaturalQuestions', 'train test', {
    numQueries: 3452,
    numDocuments: 2_680_000,
    zipBytes: 498_307_926,
    md5: 'd4d3d2e48787a744b6f6e691ff534307'
  }),
  beir('hotpotqa', 'https://hotpotqa.github.io', 'train dev test', {
    numQueries: 7405,
    numDocuments: 5_230_000,
    zipBytes: 654_025_350,
    md5: 'f412724f78b0d91183a0e86805e16114'
  }),
  beir('fiqa', 'https://sites.google.com/view/fiqa/', 'train dev test', {
    numQueries: 648,
    numDocuments: 57_000,
    zipBytes: 17_948_027,
    md5: '17918ed23cd04fb15047f73e6c3bd9d9'
  }),
  beir('arguana', 'http://argumentation.bplaced.net/arguana/data', 'test', {
    numQueries: 1406,
    numDocuments: 8670,
    zipBytes: 3_773_617,
    md5: '8ad3e3c2a5867cdced806d6503f29b99'
  }),
  beir('webis-touche2020', 'https://webis.de/events/touche-20/shared-task-1.html', 'test', {
    numQueries: 49,
    numDocuments: 382_000,
    zipBytes: 227_132_363,
    md5: '46f650ba5a527fc69e0a6521c5a23563'
  }),
  beir('cqadupstack', 'http://nlp.cis.unimelb.edu.au/resources/cqadupstack/', 'test', {
    numQueries: 13_145,
    numDocuments: 457_000,
    zipBytes: 5_343_728_040,
    md5: '4e41456d7df8ee7760a7f866133bda78'
  }),
  beir(
    'quora',
    'https://www.quora.com/q/quoradata/First-Quora-Dataset-Release-Question-Pairs',
    'dev test',
    {
      numQueries: 10_000,
      numDocuments: 523_000,
      zipBytes: 15_853_968,
      md5: '18fb154900ba42a600f84b839c173167'
    }
  ),
  beir('dbpedia-entity', 'https://github.com/iai-group/DBpedia-Entity/', 'dev test', {
    numQueries: 400,
    numDocuments: 4_630_000,
    zipBytes: 639_285_131,
    md5: 'c2a39eb420a3164af735795df012ac2c'
  }),
  beir('scidocs', 'https://allenai.org/data/scidocs', 'test', {
    numQueries: 1000,
    numDocuments: 25_000,
    zipBytes: 142_471_588,
    md5: '38121350fc3a4d2f48850f6aff52e4a9'
  }),
  beir('fever', 'http://fever.ai', 'train dev test', {
    numQueries: 6666,
    numDocuments: 5_420_000,
    zipBytes: 1_236_988_269,
    md5: '5a818580227bfb4b35bb6fa46d9b6c03'
  }),
  beir('climate-fever', 'http://climatefever.ai', 'test', {
    numQueries: 1535,
    numDocuments: 5_420_000,
    zipBytes: 1_228_666_652,
    md5: '8b66f0a9126c521bae2bde127b4dc99d'
  }),
  beir('scifact', 'https://github.com/allenai/scifact', 'train test', {
    numQueries: 300,
    numDocuments: 5000,
    zipBytes: 2_816_079,
    md5: '5f7d1de60b170fc8027bb7898e2efca1'
  })
]

/** Data sets of BEIR that are not public; its README says how each is put together. */
const NOT_PUBLIC = ['bioasq', 'signal1m', 'trec-news', 'robust04']

function beir(
  name: string,
  homepage: string,
  splits: string,
  rest: Omit<BeirDataset, 'name' | 'homepage' | 'splits'>
): BeirDataset {
  return { name, homepage, splits: splits.split(' ') as BeirDataset['splits'], ...rest }
}

/** Why there is no data set of this name to fetch, with the name that may have been meant. */
export function unknownDataset(name: string): EsplanadeError {
  const names = BEIR_DATASETS.map(dataset => dataset.name)
  if (NOT_PUBLIC.includes(name)) {
    return new EsplanadeError('INVALID_ARGUMENT', {
      place: name,
      problem: 'this data set of BEIR is not public',
      remedy: 'See how it is put together: github.com/beir-cellar/beir, examples/dataset'
    })
  }
  const nearest = nearestName(name, names)
  const meant = nearest === undefined ? '' : `; perhaps ${nearest} is meant`
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: name,
    problem: `there is no data set of this name in BEIR${meant}`,
    expected: names.join(', '),
    remedy: 'For a data set on a server of your own, give its address and its MD5 sum as well'
  })
}

/** The name that somebody may have meant: one that has the other in it, else with a few typing errors. */
function nearestName(given: string, names: readonly string[]): string | undefined {
  const bare = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')
  const wanted = bare(given)
  if (wanted.length < 2) return undefined
  const part = names.find(name => bare(name).includes(wanted) || wanted.includes(bare(name)))
  if (part !== undefined) return part
  const ranked = names
    .map(name => ({ name, distance: editDistance(wanted, bare(name)) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= Math.ceil(wanted.length / 3) ? best.name : undefined
}
