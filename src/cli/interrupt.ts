/** What the shell expects of a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130

/**
 * Runs a task that Ctrl-C (or SIGTERM) stops at its next safe point. A second Ctrl-C ends the
 * process at once.
 */
export async function interruptible<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    controller.abort(new Error('interrupted'))
    process.stderr.write('\nstopping …\n')
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    return await task(controller.signal)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
