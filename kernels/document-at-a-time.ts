import { begin, consider, finish } from './candidates'
import { Request } from './request'

/**
 * Scores the documents of a list, `numVisits` u32 document ids at `request.plan`;
 * `src/kernel/document-at-a-time.ts` is the same in TypeScript.
 */
export function documentSearch(address: usize): u32 {
  const request = changetype<Request>(address)
  begin(request)
  const end = <usize>request.plan + (<usize>request.numVisits << 2)
  for (let at: usize = request.plan; at < end; at += 4) {
    consider(request, load<u32>(at), 0, 0xffff)
  }
  return finish(request)
}
