import { SingleBar } from 'cli-progress'

/** A line a minute is enough for a log file. */
const LOG_INTERVAL_MS = 60_000

/** What a long task shows: a bar on a terminal, a line a minute elsewhere. Always on stderr. */
export interface ProgressDisplay {
  /** @param fraction - of all the work, from 0 to 1; undefined where that is unknown */
  update(done: number, fraction?: number): void
  stop(): void
}

/** @param unit - what is counted, in the plural: `documents` */
export function showProgress(task: string, unit: string): ProgressDisplay {
  return process.stderr.isTTY ? terminalBar(task, unit) : logLines(task, unit)
}

function terminalBar(task: string, unit: string): ProgressDisplay {
  const started = performance.now()
  const bar = new SingleBar({
    format: `${task} {bar} {percent} · {done} ${unit} · {rate}/s · {left}`,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream: process.stderr
  })
  const payload = (done: number, fraction?: number) => {
    const seconds = (performance.now() - started) / 1000
    return {
      percent: fraction === undefined ? '' : `${Math.floor(fraction * 100)}%`,
      done: done.toLocaleString('en'),
      rate: Math.round(done / Math.max(seconds, 1e-3)).toLocaleString('en'),
      left: timeLeft(seconds, fraction)
    }
  }
  bar.start(1, 0, payload(0))
  return {
    update: (done, fraction) => bar.update(fraction ?? 0, payload(done, fraction)),
    stop: () => bar.stop()
  }
}

function logLines(task: string, unit: string): ProgressDisplay {
  const started = performance.now()
  let lastLine = started
  return {
    update: (done, fraction) => {
      const now = performance.now()
      if (now - lastLine < LOG_INTERVAL_MS) return
      lastLine = now
      const seconds = (now - started) / 1000
      const rate = Math.round(done / seconds).toLocaleString('en')
      process.stderr.write(
        `${task}: ${done.toLocaleString('en')} ${unit}, ${rate}/s, ${timeLeft(seconds, fraction)}\n`
      )
    },
    stop: () => undefined
  }
}

/** How long the rest takes at the rate so far, for a person. */
function timeLeft(seconds: number, fraction: number | undefined): string {
  // Whole seconds: tenths would only flicker.
  if (fraction === undefined || fraction <= 0) return `${wholeDuration(seconds)} so far`
  return `${wholeDuration((seconds * (1 - fraction)) / fraction)} left`
}

/** Seconds as `0.4 s`, `42 s`, `3 min 5 s` or `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  return wholeDuration(seconds)
}

function wholeDuration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
