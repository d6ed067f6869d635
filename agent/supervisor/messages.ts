// What supervisor and worker say to each other over their channel. The worker reads hostile files, so the supervisor believes of its
// words only what has the right shape, and takes its limits once.
import { type Limits, readLimits } from './limits.ts'

/** How often a worker says that it still takes turns. Where the system does not tell what it uses, it says that as well, and more often. */
export const ALIVE_EVERY_MS = process.platform === 'linux' ? 15_000 : 3_000

export type WorkerMessage =
  | { readonly kind: 'ready'; readonly stateFolder: string; readonly limits: Limits }
  | { readonly kind: 'alive'; readonly processorMs: number; readonly memoryBytes: number }

export interface StopMessage {
  readonly kind: 'stop'
}

/** Null for whatever no worker of this version says. */
export function readWorkerMessage(value: unknown): WorkerMessage | null {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return null
  if (value.kind === 'ready' && 'stateFolder' in value && 'limits' in value) {
    const limits = readLimits(value.limits)
    if (limits === undefined || typeof value.stateFolder !== 'string') return null
    return { kind: 'ready', stateFolder: value.stateFolder, limits }
  }
  if (value.kind === 'alive' && 'processorMs' in value && 'memoryBytes' in value) {
    const { processorMs, memoryBytes } = value
    if (typeof processorMs !== 'number' || typeof memoryBytes !== 'number') return null
    return { kind: 'alive', processorMs, memoryBytes }
  }
  return null
}

export function isStopMessage(value: unknown): value is StopMessage {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'stop'
}
