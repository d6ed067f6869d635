// Gives the agent's own figures the way the setting `metrics` says at the moment: in a file, on a socket, or not at all.
import type { Metrics } from '../settings/settings.ts'
import { removeMetrics, writeMetrics } from './metrics-file.ts'
import { mayHaveSocket, type MetricsSocket, serveMetrics } from './metrics-socket.ts'

export interface ToldMetrics {
  /** To be called after each sample. */
  readonly tell: (way: Metrics) => void
  readonly close: () => void
}

/** `render` gives the exposition as it is now; null: nothing was measured yet. */
export function startMetrics(stateFolder: string, render: () => string | null): ToldMetrics {
  let socket: MetricsSocket | null = null
  let isRefused = !mayHaveSocket(stateFolder)
  /** Rendered once a sample, however often somebody asks. */
  let text: string | null = null
  const endSocket = (): void => {
    socket?.close()
    socket = null
  }
  const listen = (): MetricsSocket =>
    serveMetrics(
      stateFolder,
      () => text,
      () => {
        // A file system without sockets, or rights that forbid one.
        isRefused = true
        endSocket()
      },
    )
  return {
    tell: (way) => {
      text = way === 'off' ? null : render()
      if (way !== 'socket') endSocket()
      if (way === 'socket' && !isRefused) {
        socket ??= listen()
        removeMetrics(stateFolder)
        return
      }
      if (text === null) removeMetrics(stateFolder)
      else writeMetrics(stateFolder, text)
    },
    close: () => {
      endSocket()
      removeMetrics(stateFolder)
    },
  }
}
