import { SingleBar } from 'cli-progress'
import { readableBytes, readableCount } from './readable.ts'

/** A line a minute is enough for a log file. */
const LOG_INTERVAL_MS = 60_000

/** What a long task shows: a bar on a terminal, a line a minute elsewhere. Always on stderr. */
export interface ProgressDisplay {
  /** @param fraction - of all the work, from 0 to 1; undefined where that is unknown */
  update(done: number, fraction?: number): void
  stop(): void
}

/** What an earlier run has done of a task: rates leave it out. */
export interface DoneBefore {
  readonly done: number
  /** Of all the work, from 0 to 1. */
  readonly fraction: number
}

/**
 * @param unit - what is counted, in the plural: `documents`; `bytes` are shown as `3.4 MB`
 * @param before - default: the task begins with nothing
 */
export function showProgress(
  task: string,
  unit: string,
  before: DoneBefore = { done: 0, fraction: 0 }
): ProgressDisplay {
  return process.stderr.isTTY ? terminalBar(task, unit, before) : logLines(task, unit, before)
}

function terminalBar(task: string, unit: string, before: DoneBefore): ProgressDisplay {
  const started = performance.now()
  const bar = new SingleBar({
    format: `${task} {bar} {percent} · {done} · {rate}/s · {left}`,
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
      done: amount(done, unit),
      rate: rateOf(done - before.done, seconds, unit),
      left: timeLeft(seconds, fraction, before.fraction)
    }
  }
  bar.start(1, 0, payload(0))
  return {
    update: (done, fraction) => bar.update(fraction ?? 0, payload(done, fraction)),
    stop: () => bar.stop()
  }
}

function logLines(task: string, unit: string, before: DoneBefore): ProgressDisplay {
  const started = performance.now()
  let lastLine = started
  return {
    update: (done, fraction) => {
      const now = performance.now()
      if (now - lastLine < LOG_INTERVAL_MS) return
      lastLine = now
      const seconds = (now - started) / 1000
      const rate = rateOf(done - before.done, seconds, unit)
      const left = timeLeft(seconds, fraction, before.fraction)
      process.stderr.write(`${task}: ${amount(done, unit)}, ${rate}/s, ${left}\n`)
    },
    stop: () => undefined
  }
}

function amount(done: number, unit: string): string {
  return unit === 'bytes' ? readableBytes(done) : `${readableCount(done)} ${unit}`
}

function rateOf(done: number, seconds: number, unit: string): string {
  const rate = Math.round(done / Math.max(seconds, 1e-3))
  return unit === 'bytes' ? readableBytes(rate) : readableCount(rate)
}

/** How long the rest takes at the rate so far, for a person. */
function timeLeft(seconds: number, fraction: number | undefined, before: number): string {
  // Whole seconds: tenths would only flicker.
  if (fraction === undefined || fraction <= before) return `${wholeDuration(seconds)} so far`
  return `${wholeDuration((seconds * (1 - fraction)) / (fraction - before))} left`
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
