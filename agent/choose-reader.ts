// Whether the daemon reads weights itself or in a process beside it without rights: by the setting, and by what rights the daemon has.
import type { ReadGuards } from './guard-reading.ts'
import { createSeparateReader, type SeparateReader } from './reader/separate-reader.ts'
import { heldCapabilities, type ReadingWay } from './self/own-work.ts'
import type { SeparateReading } from './settings/settings.ts'

export interface ChosenReader {
  /** For a sweep's options: nothing where this process reads itself. */
  readonly given: { readonly reader?: SeparateReader }
  /** Processor time of the process beside this one, so far. */
  readonly readerMs: () => number
  /** Which process reads weights now, and with which rights. */
  readonly way: () => ReadingWay
  /** The process beside this one, while it runs. */
  readonly pid: () => number | null
}

/** The reader ends with the signal; the guards are asked for once it has something to tell. */
export function chooseReader(
  setting: SeparateReading,
  signal: AbortSignal,
  guards: () => Pick<ReadGuards, 'lost' | 'started'>,
): ChosenReader {
  if (setting === 'never' || (setting === 'auto' && !hasPrivileges()))
    return { given: {}, readerMs: () => 0, way: () => 'in-process', pid: () => null }
  const reader = createSeparateReader({
    onLost: (end, file) => guards().lost(end, file),
    onStarted: (isolation, isFallback) => guards().started(isolation, isFallback),
  })
  signal.addEventListener('abort', reader.end, { once: true })
  return {
    given: { reader },
    readerMs: reader.processorMs,
    way: () => reader.isolation() ?? 'not-yet',
    pid: () => reader.running()?.pid ?? null,
  }
}

/** Root, or a capability: something that a file which takes the parser over would gain. */
function hasPrivileges(): boolean {
  if (process.getuid?.() === 0) return true
  return process.platform === 'linux' && heldCapabilities() !== 0n
}
