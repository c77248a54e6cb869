/**
 * The worker of the package with a runtime that ends the thread when it meets certain tokens, as a
 * mistake in the runtime or a want of memory would. `CRASHES` in the environment says which:
 * `{"exit": id, "throw": id, "once": id, "marker": path}`.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { InferenceSession } from 'onnxruntime-node'

const crashes = JSON.parse(process.env.CRASHES)
const create = InferenceSession.create.bind(InferenceSession)

InferenceSession.create = async (...args) => {
  const session = await create(...args)
  const run = session.run.bind(session)
  session.run = feeds => {
    // Not every session of an encoder reads token ids.
    const data = feeds.ids?.data ?? []
    if (data.includes(crashes.exit)) process.exit(7)
    if (data.includes(crashes.throw)) {
      // Nobody catches it here.
      setImmediate(() => {
        throw new Error('the ground shook')
      })
      return new Promise(() => undefined)
    }
    if (data.includes(crashes.once) && !existsSync(crashes.marker)) {
      writeFileSync(crashes.marker, '')
      process.exit(8)
    }
    return run(feeds)
  }
  return session
}

await import('../../dist/node/encode-worker.js')
