// Live progress on a terminal: one line, rewritten at most ten times a second, erased when the work ends. Silent in a pipe.
import { printable, shorten } from '../../contract/printable.ts'
import type { Terminal } from './terminal.ts'

export interface SweepProgress {
  readonly filesSeen: number
  readonly foldersSeen: number
  readonly candidates: number
  readonly artifacts: number
  /** Findings about files so far; those about processes follow at the end. */
  readonly findings: number
  /** What is being read now. */
  readonly current: string
}

export interface ProgressLine {
  readonly show: (progress: SweepProgress) => void
  readonly clear: () => void
}

const REDRAW_MS = 100

/** Draws on the given terminal; `now` in milliseconds. */
export function startProgress(terminal: Terminal, now: () => number): ProgressLine {
  const startedMs = now()
  let drawnMs = 0
  let isDrawn = false
  const clear = (): void => {
    if (isDrawn) terminal.write('\r\u001b[2K')
    isDrawn = false
  }
  const show = (progress: SweepProgress): void => {
    const atMs = now()
    if (!terminal.isInteractive || atMs - drawnMs < REDRAW_MS) return
    drawnMs = atMs
    terminal.write(`\r\u001b[2K${describeProgress(progress, atMs - startedMs, terminal.columns)}`)
    isDrawn = true
  }
  return { show, clear }
}

/** The progress in one line of at most `columns` characters. */
export function describeProgress(progress: SweepProgress, elapsedMs: number, columns: number): string {
  const perSecond = elapsedMs > 0 ? Math.round((progress.filesSeen * 1000) / elapsedMs) : 0
  const counts =
    `${progress.filesSeen} files (${perSecond}/s) in ${progress.foldersSeen} folders, ` +
    `${progress.candidates} candidates, ${progress.artifacts} models, ${progress.findings} findings`
  const room = columns - counts.length - 3
  return room < 12 ? shorten(counts, columns - 1) : `${counts}  ${shorten(printable(progress.current), room)}`
}
