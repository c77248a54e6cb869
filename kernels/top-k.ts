/**
 * The best k documents in a binary heap whose root is the worst of them: f64 scores and, beside
 * them, u32 insertion ids. Order: score descending, then insertion id ascending.
 */

/** Whether document a stands after document b in a result. */
@inline
export function isWorse(scoreA: f64, idA: u32, scoreB: f64, idB: u32): bool {
  return scoreA < scoreB || (scoreA == scoreB && idA > idB)
}

@inline
function put(scores: usize, ids: usize, at: i32, score: f64, id: u32): void {
  store<f64>(scores + (<usize>at << 3), score)
  store<u32>(ids + (<usize>at << 2), id)
}

/** Adds a document to a heap of `size` that has room. */
export function push(scores: usize, ids: usize, size: i32, score: f64, id: u32): void {
  let child = size
  while (child > 0) {
    const parent = (child - 1) >> 1
    const parentScore = load<f64>(scores + (<usize>parent << 3))
    const parentId = load<u32>(ids + (<usize>parent << 2))
    if (!isWorse(score, id, parentScore, parentId)) break
    put(scores, ids, child, parentScore, parentId)
    child = parent
  }
  put(scores, ids, child, score, id)
}

/** Puts a document in the place of the worst. */
export function replaceWorst(scores: usize, ids: usize, size: i32, score: f64, id: u32): void {
  let parent = 0
  for (;;) {
    let child = 2 * parent + 1
    if (child >= size) break
    let childScore = load<f64>(scores + (<usize>child << 3))
    let childId = load<u32>(ids + (<usize>child << 2))
    if (child + 1 < size) {
      const rightScore = load<f64>(scores + (<usize>(child + 1) << 3))
      const rightId = load<u32>(ids + (<usize>(child + 1) << 2))
      if (isWorse(rightScore, rightId, childScore, childId)) {
        childScore = rightScore
        childId = rightId
        child++
      }
    }
    if (!isWorse(childScore, childId, score, id)) break
    put(scores, ids, parent, childScore, childId)
    parent = child
  }
  put(scores, ids, parent, score, id)
}

/** Turns the heap into a list, best document first. */
export function drain(scores: usize, ids: usize, size: i32): void {
  for (let last = size - 1; last > 0; last--) {
    const worstScore = load<f64>(scores)
    const worstId = load<u32>(ids)
    const score = load<f64>(scores + (<usize>last << 3))
    const id = load<u32>(ids + (<usize>last << 2))
    replaceWorst(scores, ids, last, score, id)
    put(scores, ids, last, worstScore, worstId)
  }
}
