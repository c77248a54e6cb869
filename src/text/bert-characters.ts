/**
 * How BERT's tokenizer classes every code point.
 *
 * A vector must not depend on the engine that tokenized the text, and Unicode grows: a mark or a sign
 * of punctuation that an engine of today knows was an unknown character to the tokenizer the models
 * were trained with. So the classes of the reference (the Rust library `tokenizers` 0.23, whose tables
 * are those of Unicode 8) are kept here as data, and no `\p{…}` of the engine takes part.
 * `test/golden/make-bert-characters.py` prints the table from the reference itself.
 */

/** What the tokenizer does with a code point, whatever its configuration. */
export type CharacterClass =
  | 'control' // control, format, private use: removed by the clean-up
  | 'mark' // nonspacing mark: removed with the accents
  | 'punctuation' // a word of its own
  | 'ideograph' // a word of its own
  | 'other'

const CLASS_OF_LETTER: Readonly<Record<string, CharacterClass>> = {
  c: 'control',
  m: 'mark',
  p: 'punctuation',
  i: 'ideograph',
  o: 'other'
}

/** Runs of code points from U+0000 to U+10FFFF: the length of each run, then its class. */
const RUNS: string =
  '9c2o2c1o18c1o15p10o7p26o6p26o4p33c1o1p5o1p3o1p1o1c8o2p3o1p3o1p576o112m14o1p8o1p251o5m210o6p' +
  '41o2p6o45m1p1m1p2m1p2m1p1m43o2p11o6c3o2p1o2p2o11m1p1c1o2p43o21m10o4p2o1m99o1p1o7m1c1o6m2o2m' +
  '1o4m18o14p1o1c1o1m30o27m91o11m58o9m3o3p28o4m1o9m1o3m1o5m2o15p26o3m2o1p132o32m55o1m1o1m4o8m4o' +
  '1m3o7m10o2m2p10o1p16o1m58o1m4o4m8o1m20o2m29o2m57o1m4o2m4o2m2o3m3o1m30o2m3o1m11o2m57o1m4o5m1o' +
  '2m4o1m20o2m12o1p16o1m58o1m2o1m1o4m8o1m8o1m11o2m30o1m61o1m12o1m50o1m61o3m5o3m1o4m7o2m11o2m29o' +
  '1m58o1m2o1m6o1m5o2m20o2m29o1m63o4m8o1m20o2m102o1m7o3m1o1m29o1p60o1m2o7m12o8m1p10o2p85o1m2o6m' +
  '1o2m11o6m54o15p1o1p3o2m27o1m1o1m1o1m4p51o14m1o5m1p2m5o11m1o36m9o1m9o5p4o2p82o4m1o6m1o2m2o2m' +
  '11o6p8o2m4o3m16o4m13o1m2o2m6o1m15o1m93o1p609o3m9p151o1p620o2p44o2p78o3p36o3m29o3m2p27o2m30o' +
  '2m64o2m1o7m8o1m2o11m3p1o3p2o1m34o11p3m1c154o1m118o3m4o2m9o1m6o3m8o2p209o2m2o1m2o2p54o1m1o7m' +
  '1o1m1o1m2o8m6o10m2o1m32o7p1o6p2o14m66o4m48o1m1o5m1o1m5o1m23o7p10o9m12o2m32o4m2o2m1o3m56o1m1o' +
  '2m3o1m1o3m10o4p44o8m2o2m3o5p62o2p64o8p8o3m1p13m1o7m4o1m6o1m3o2m198o54m6o4m523o5c24p2o5c1o20p' +
  '1o13p1o12p1o5c1o10c13o2p14o2p65o13m4o1m3o12m535o4p29o2p1085o14p79o2p31o10p403o22p63o4p32o2p' +
  '753o3m7o4p1o2p112o1p14o1m96o32m47p1o19p446o3p4o10p2o12p10o4m2o1p12o1p91o2m5o1p90o1p772o6592i' +
  '64o20992i1278o2p269o3p95o1m3o1p10m1p31o2m80o2m6p266o1m3o1m4o1m25o2m77o4p76o1m9o2p16o18m6o3p' +
  '1o1p41o8m2p23o11m13o1p32o3m48o1m2o4m2o1m4o13p16o2p5o1m67o6m2o2m2o2m12o1m8o1m15o4p28o1m51o1m' +
  '1o3m2o2m5o2m1o1m28o2p12o2m2o2p4o1m238o1m2o1m2o1p1o1m11282o8448c512i30o1m543o2p192o16m10p6o' +
  '16m35p1o14p1o1p4o1p1o2p147o1c1o3p1o6p1o4p10o2p3o2p26o3p1o1p27o1p1o1p1o7p147o3c1o1c258o3p250o' +
  '1m226o1m149o5m36o1p48o1p414o1p743o1p199o1p31o1p193o3m1o2m5o4m40o3m4o1m16o9p38o1p101o2m9o7p' +
  '66o7p89o4p1124o1m54o15m7p49o3m49o4m2o2m2p1c4p62o3m36o5m1o8m11o4p47o1m2p10o2m52o9m6o5p3m1p13o' +
  '1p1o3p79o3m2o1m1o2m6p107o1p53o1m3o8m21o2m58o1m3o1m37o7m3o5m318o6m1o1m4o2m1o2m2o1p235o4m6o2m' +
  '1o2m23p4o2m85o8m2o1m1o2m3p103o1m1o1m2o6m1o1m101o3m2o4m1o5m16o3p3377o5p17913o2p128o5m1p58o7m' +
  '5p8o1p1098o4m19722o2m1p4c5315o3m9o8c8m2o7m30o4m148o3m1979o55m4o50m8o1m14o1m2o5p15o5m1o15m' +
  '3616o7m5929o42720i32o4384i256o5520i10576o544i722401o1c30o96c128o240m65040o65534c2o65534c2o'

/** `starts[i]` is the first code point of the run of class `classes[i]`; ascending. */
interface Runs {
  readonly starts: Uint32Array
  readonly classes: readonly CharacterClass[]
}

/** Read on first use, so that a bundle that does not tokenize pays nothing. */
let runs: Runs | undefined

function readRuns(): Runs {
  const starts: number[] = []
  const classes: CharacterClass[] = []
  let start = 0
  for (const [, length, letter] of RUNS.matchAll(/(\d+)(\D)/g)) {
    starts.push(start)
    classes.push(CLASS_OF_LETTER[letter!]!)
    start += Number(length)
  }
  return { starts: Uint32Array.from(starts), classes }
}

/** The class of a code point; a lone surrogate counts as U+FFFD, which is removed like a control. */
export function characterClass(codePoint: number): CharacterClass {
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

/** Whether a UTF-16 unit is white space (Unicode's White_Space; all of it is in the first plane). */
export function isWhitespace(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d)
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0
  return (
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  )
}
