/**
 * Which code points are letters (L) and which are numbers (N), as the reference has them: the Rust
 * library `tokenizers` 0.23, whose regular expressions know Unicode 16. As with BERT's characters, the
 * engine's own tables take no part, since a vector must not depend on them.
 * `test/golden/make-tokenizers.py --characters` prints the table from the reference itself.
 */
export type LetterClass = 'letter' | 'number' | 'other'

const CLASS_OF_SIGN: Readonly<Record<string, LetterClass>> = {
  l: 'letter',
  n: 'number',
  o: 'other'
}

/** Runs of code points from U+0000 to U+10FFFF: the length of each run, then its class. */
const RUNS: string =
  '48o10n7o26l6o26l47o1l7o2n1o1l3o1n1l1o3n1o23l1o31l1o458l4o12l14o5l7o1l1o1l129o5l1o2l2o4l1o1l6o1l1' +
  'o3l1o1l1o20l1o83l1o139l8o166l1o38l2o1l6o41l71o27l4o4l45o43l21o10n4o2l1o99l1o1l15o2l7o2l10n3l2o1l' +
  '16o1l1o30l29o89l11o1l14o10n33l9o2l4o1l5o22l4o1l9o1l3o1l23o25l7o11l5o24l1o6l17o42l58o54l3o1l18o1l' +
  '7o10l4o10n1o16l4o8l2o2l2o22l1o7l1o1l3o4l3o1l16o1l13o2l1o3l4o10n2l2o6n2o1l8o6l4o2l2o22l1o7l1o2l1o' +
  '2l1o2l31o4l1o1l7o10n2o3l16o9l1o3l1o22l1o7l1o2l1o5l3o1l18o1l15o2l4o10n9o1l11o8l2o2l2o22l1o7l1o2l1' +
  'o5l3o1l30o2l1o3l4o10n1o1l6n11o1l1o6l3o3l1o4l3o2l1o1l1o2l3o2l3o3l3o12l22o1l21o13n18o8l1o3l1o23l1o' +
  '16l3o1l26o3l2o1l2o2l4o10n8o7n1o1l4o8l1o3l1o23l1o10l1o5l3o1l31o2l1o2l4o10n1o2l17o9l1o3l1o41l2o1l1' +
  '6o1l5o3l1o7n3l4o19n1o6l5o18l3o24l1o9l1o1l2o7l31o10n17o48l1o2l12o7l9o10n39o2l1o1l1o5l1o24l1o1l1o1' +
  '0l1o2l9o1l2o5l1o1l9o10n2o4l32o1l31o20n12o8l1o36l27o5l115o43l20o1l10n6o6l4o4l3o1l3o2l7o3l4o13l12o' +
  '1l1o10n6o38l1o1l5o1l2o43l1o333l1o4l2o7l1o1l1o4l2o41l1o4l2o33l1o4l2o7l1o1l1o4l2o15l1o57l1o4l2o67l' +
  '14o20n3o16l16o86l2o6l3o620l2o17l1o26l5o75l3o3n8l7o18l13o19l14o18l14o13l1o3l15o52l35o1l4o1l3o10n6' +
  'o10n22o10n6o89l7o5l2o34l1o1l5o70l10o31l39o10n30l2o5l11o44l4o26l6o11n37o23l9o53l43o10n6o10n13o1l9' +
  '3o47l17o8l3o10n41o30l13o2l10n44l26o36l28o10n3o3l10n36l2o11l5o43l2o3l41o4l1o6l1o2l3o1l5o192l64o27' +
  '8l2o6l2o38l2o6l2o8l1o1l1o1l1o1l1o31l2o53l1o7l1o1l3o3l1o7l3o4l2o6l4o13l5o3l1o7l115o1n1l2o6n5o1l10' +
  'n6o13l101o1l4o1l2o10l1o1l3o5l6o1l1o1l1o1l1o4l1o11l2o4l5o5l4o1l1o51n2l5n726o60n78o22n630o30n1132o' +
  '229l6o4l3o2l9o1n2o38l1o1l5o1l2o56l7o1l16o23l9o7l1o7l1o7l1o7l1o7l1o7l1o7l1o7l80o1l469o2l1n25o9n7o' +
  '5l2o3n2l4o86l6o3l1o90l1o4l5o43l1o94l3o4n10o32l48o16l32o10n30o8n1o15n32o10n39o15n320o6592l64o2215' +
  '7l67o46l2o269l3o16l10n2l20o47l16o31l2o70l10n39o9l2o103l2o67l2o2l1o1l1o8l21o16l1o3l1o4l1o23l13o6n' +
  '10o52l14o50l28o10n24o6l3o1l1o2l1o10n28l10o23l25o29l7o47l28o1l10n6o5l1o10l10n5l1o41l23o3l1o8l4o10' +
  'n6o23l3o1l3o50l1o1l3o2l2o5l2o1l1o1l24o3l2o11l7o3l12o6l2o6l2o6l9o7l1o7l1o43l1o14l6o115l13o10n6o11' +
  '172l12o23l4o49l8452o366l2o106l38o7l12o5l5o1l1o10l1o13l1o5l1o1l1o2l1o2l1o108l33o363l18o64l2o54l40' +
  'o12l116o5l1o135l19o10n7o26l6o26l11o89l3o6l2o6l2o6l2o3l35o12l1o26l1o19l1o2l1o15l2o14l34o123l12o45' +
  'n12o57n17o2n244o29l3o49l16o27n4o32l4n9o20l1n8l1n5o38l10o30l2o36l4o8l1o5n42o158l2o10n6o36l4o36l4o' +
  '40l8o52l12o11l1o15l1o7l1o2l1o11l1o15l1o7l1o2l3o52l12o311l9o22l10o8l24o6l1o42l1o9l69o6l2o1l1o44l1' +
  'o2l3o1l2o23l2o8n23l2o7n31l8o9n48o19l1o2l5o5n22l6n4o26l70o56l4o2n2l16n2o46n1l15o4l1o3l1o29l10o9n2' +
  '3o29l2n1o29l3n32o8l1o28l6o5n16o54l10o22l2o8n19l5o8n18l23o7n80o73l55o51l13o51l7o6n36l12o10n6o10n2' +
  '8l9o23l218o31n1o42l6o2l16o3l59o29l10n1l8o22l11o4n27o18l46o21l7n20o23l12o53l26o30n1o2l2o1l13o45l3' +
  '2o25l7o10n9o36l15o10n4o1l2o1l8o35l3o1l12o48l14o4l11o10n1l1o1l4o20n11o18l1o25l19o2l63o7l1o1l1o4l1' +
  'o15l1o10l7o47l17o10n11o8l2o2l2o22l1o7l1o2l1o5l3o1l18o1l12o5l30o10l1o1l2o1l1o38l1o1l25o1l1o1l44o5' +
  '3l18o4l5o10n5o3l30o48l20o2l1o1l8o10n166o47l41o4l36o48l20o1l11o10n38o43l13o1l7o10n6o20n28o27l21o1' +
  '2n4o7l185o44l116o64l19n12o8l2o1l2o8l1o2l1o24l15o1l1o1l14o10n70o8l2o39l16o1l1o1l28o1l10o40l7o1l21' +
  'o1l11o46l19o1l18o73l199o33l15o10n6o9l1o37l17o1l15o29n5o30l112o7l1o2l1o38l21o1l9o10n6o6l1o2l1o32l' +
  '14o1l7o10n310o19l15o1l1o13l1o34l28o10n86o1l15o21n43o922l102o111n17o196l2636o97l15o1072l17o6l25o3' +
  '995l5o583l6841o30l18o10n1734o569l7o31l1o10n6o79l1o10n6o30l18o48l16o4l12o10n1o7n1o21l5o19l432o45l' +
  '3o10n198o64l23n105o75l5o1l66o13l64o2l1o1l28o6136l8o1238l41o10l8935o4l1o7l1o2l1o291l15o1l29o3l2o1' +
  'l14o4l8o396l2308o107l5o13l3o9l7o10l4182o10n1478o20n12o20n108o25n135o85l1o71l1o2l2o1l2o2l2o4l1o12' +
  'l1o1l1o7l1o65l1o4l2o8l1o7l1o28l1o4l1o5l1o1l3o7l1o340l2o25l1o25l1o31l1o25l1o31l1o25l1o31l1o25l1o3' +
  '1l1o25l1o8l2o50n1792o31l6o6l261o62l146o45l10o7l2o10n4o1l321o30l18o44l4o10n470o28l4o10n214o30l2o1' +
  'l10n485o7l1o4l1o2l1o15l1o197l2o9n48o68l7o1l4o10n791o59n1o3n1o4n76o45n1o15n194o4l1o27l1o2l1o1l2o1' +
  'l1o10l1o4l1o1l1o1l6o1l4o1l1o1l1o1l1o3l1o2l1o1l2o1l1o1l1o1l1o1l1o1l1o2l1o1l2o4l1o7l1o4l1o4l1o1l1o' +
  '10l1o17l5o3l1o5l1o17l580o13n2787o10n1030o42720l32o4154l6o222l2o5762l14o7473l15o622l2466o542l1506' +
  'o4939l5o4192l908368o'

/** `starts[i]` is the first code point of the run of class `classes[i]`; ascending. */
interface Runs {
  readonly starts: Uint32Array
  readonly classes: readonly LetterClass[]
}

/** Read on first use, so that a model with another tokenizer pays nothing. */
let runs: Runs | undefined

function readRuns(): Runs {
  const starts: number[] = []
  const classes: LetterClass[] = []
  let start = 0
  for (const [, length, sign] of RUNS.matchAll(/(\d+)(\D)/g)) {
    starts.push(start)
    classes.push(CLASS_OF_SIGN[sign!]!)
    start += Number(length)
  }
  return { starts: Uint32Array.from(starts), classes }
}

/** The class of a code point. */
export function letterClass(codePoint: number): LetterClass {
  if (codePoint < 0x80) {
    const lower = codePoint | 0x20
    if (lower >= 0x61 && lower <= 0x7a) return 'letter'
    return codePoint >= 0x30 && codePoint <= 0x39 ? 'number' : 'other'
  }
  runs ??= readRuns()
  const { starts, classes } = runs
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle]! <= codePoint) low = middle
    else high = middle - 1
  }
  return classes[low]!
}
