import { explainHit, type HitExplanation } from '../explain/explain-hit.ts'
import type { WordTerms } from '../lexical/word-terms.ts'
import {
  type Contribution,
  contributionsOf,
  explainContributions
} from '../search/contributions.ts'
import type { Explanation } from '../vector/explanation.ts'
import { norm, similarity } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import { bestPassage } from './document-search.ts'
import type { SparseMode } from './search-mode.ts'
import type { StoredDocument } from './store.ts'
import type { View } from './view.ts'

/** What is explained. */
export interface ExplainedDocument {
  /** The query, unless it was a vector. */
  readonly text?: string
  /** What the query was searched with. */
  readonly vector: SparseVector
  readonly mode: SparseMode
  readonly document: StoredDocument
}

/** Why a document scores as it does, by its best passage. */
export async function explainDocument(
  { text: queryText, vector, mode, document }: ExplainedDocument,
  view: View,
  { settings, encoder, words }: CollectionContext
): Promise<HitExplanation> {
  const { metric, model } = settings
  const { seq, key, text, passages } = document
  const { passageIndex } = bestPassage(view, vector, seq, metric)
  const passage = view.store.vectors(seq)!.passages[passageIndex]!
  const [start, end] = passages?.[passageIndex] ?? [0, text.length]
  const passageText = text.slice(start, end)
  // Words are explained where the model is not at hand.
  const tokenizer = model === undefined || mode === 'bm25' ? undefined : await encoder.tokenizer()
  const queryTerms = Array.from(vector.terms, (termId, i) => ({
    termId,
    termIndex: termId,
    weight: vector.weights[i]!
  }))
  const record = {
    termIndexes: passage.terms,
    numTerms: passage.terms.length,
    weight: (i: number) => passage.weights[i]!
  }
  const scale = metric === 'cosine' ? norm(vector) * norm(passage) : 1
  const contributions = contributionsOf(queryTerms, record, scale)
  const measure = metric === 'cosine' ? 'cosine' : 'dot product'
  const documentName = `document ${JSON.stringify(key)}`
  const description =
    contributions.length === 0
      ? `${documentName} shares no term with the query`
      : `${measure} of the query and ${documentName}`
  const score = similarity(vector, passage, metric)
  const queryPlaces = words && queryText !== undefined ? words.places(queryText) : []
  const wordOf = new Map(queryPlaces.map(place => [place.termId, place]))
  const nameOf = (termId: number): string => {
    const place = wordOf.get(termId)
    if (place !== undefined) return `${place.word} (stem ${place.stem})`
    return tokenizer?.vocabulary.display(termId) ?? `term ${termId}`
  }
  const explanation =
    words === undefined
      ? explainContributions(contributions, score, description, { nameOf })
      : byKind(contributions, words, { value: score, description, details: [] }, nameOf)
  return explainHit({
    explanation,
    contributions,
    text: passageText,
    ...(queryText !== undefined && { queryText }),
    ...(model && tokenizer && { tokenizer, maxTokens: model.maxTokens }),
    ...(words && {
      words: {
        firstTermId: words.settings.firstTermId,
        query: queryPlaces,
        text: words.places(passageText)
      }
    })
  })
}

/** The tree with a branch for the model's terms and one for words. */
function byKind(
  contributions: readonly Contribution[],
  words: WordTerms,
  root: Explanation,
  nameOf: (termId: number) => string
): Explanation {
  const { firstTermId } = words.settings
  const branch = (description: string, isOfIt: (termId: number) => boolean): Explanation => {
    const own = contributions.filter(({ termId }) => isOfIt(termId))
    const sum = own.reduce((total, { value }) => total + value, 0)
    return explainContributions(own, sum, description, { nameOf })
  }
  return {
    ...root,
    details: [
      branch('terms of the model', termId => termId < firstTermId),
      branch('words (BM25)', termId => termId >= firstTermId)
    ].filter(({ details }) => details.length > 0)
  }
}
