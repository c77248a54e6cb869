/** `esplanade/fusion`: several rankings → one. */

export { combMnz } from '../fusion/comb-mnz.ts'
export { combSum } from '../fusion/comb-sum.ts'
export { type ConvexCombinationOptions, convexCombination } from '../fusion/convex-combination.ts'
export { explainFusion } from '../fusion/explain-fusion.ts'
export { type FusionMethod, fuse } from '../fusion/fuse.ts'
export type {
  FusedHit,
  FusionList,
  FusionOptions,
  FusionPart
} from '../fusion/fusion-list.ts'
export type { FusionTuning, WeightedFusion } from '../fusion/fusion-tuning.ts'
export type { Normalization } from '../fusion/normalization.ts'
export { type RrfOptions, rrf } from '../fusion/rrf.ts'
