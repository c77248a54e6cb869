/** The last line of a program of this folder that did all it had to. */
export const DONE = '{"done":true}'

/**
 * Ends this process at once, after all that it printed. An ordinary end lets Node tidy up, which may
 * hang for ever (nodejs/node#54918), and a run of the benchmark starts dozens of processes.
 */
export function done() {
  process.stdout.write(`${DONE}\n`, () => process.kill(process.pid, 'SIGKILL'))
}
