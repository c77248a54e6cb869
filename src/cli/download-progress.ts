import type { DownloadProgress } from 'esplanade/encoder'
import { type ProgressDisplay, showProgress } from './progress.ts'

/** A smaller file is there before anybody has read that it is being fetched. */
const MIN_SHOWN_BYTES = 500_000

/** The bar of the file that is on its way: a model is loaded by one file after the other. */
let current: { readonly file: string; readonly display: ProgressDisplay } | undefined

/** Shows how far a download is; a bar on a terminal. */
export function showDownload({ model, file, done, total }: DownloadProgress): void {
  if (total < MIN_SHOWN_BYTES) return
  if (current?.file !== file) {
    endDownload()
    // A download that is gone on with has had these bytes before.
    const before = { done, fraction: done / total }
    current = { file, display: showProgress(`fetching ${model}/${file}`, 'bytes', before) }
  }
  current.display.update(done, done / total)
  if (done === total) endDownload()
}

/** Takes the bar away, after a failure too: it would keep the process alive. */
export function endDownload(): void {
  current?.display.stop()
  current = undefined
}
