// The agent's figures for whoever may enter the state folder: GET /metrics over a Unix socket in it. No port is opened, nothing but the
// path is read of a request, and a client that is slow or many is dropped.
import { chmodSync, rmSync } from 'node:fs'
import type * as http from 'node:http'
import { join } from 'node:path'

const SOCKET_NAME = 'metrics.sock'
/** OpenMetrics 1.0.0, "Content-Type". */
const CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
/** A scraper asks once at a time; more are dropped (CWE-400). */
const MAX_CONNECTIONS = 8
/** A request is one line and a few headers. */
const MAX_HEADER_BYTES = 4_096
/** Who does not ask within this time is dropped; the server looks for them as often. */
const PATIENCE_MS = 2_000
/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, the last one zero; libuv cuts a longer path and listens elsewhere. */
const MAX_PATH_BYTES = 103

export interface MetricsSocket {
  readonly close: () => void
}

/** Whether the system can have a socket in this folder. */
export function mayHaveSocket(stateFolder: string): boolean {
  return process.platform !== 'win32' && Buffer.byteLength(join(stateFolder, SOCKET_NAME)) <= MAX_PATH_BYTES
}

/** Serves what `text` says at each request; null: nothing was measured yet. `onTrouble` is called where no socket can be had. */
export function serveMetrics(
  stateFolder: string,
  text: () => string | null,
  onTrouble: (error: Error) => void,
): MetricsSocket {
  const path = join(stateFolder, SOCKET_NAME)
  // What a daemon that was killed left behind; the lock of the state says that nobody else listens there.
  removeSocket(path)
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: PATIENCE_MS,
    requestTimeout: PATIENCE_MS,
    connectionsCheckingInterval: PATIENCE_MS,
    keepAlive: false,
  }
  // Loaded by whoever wants a socket alone: it is some megabytes.
  const server = process.getBuiltinModule('node:http').createServer(limits, (request, response) => {
    answer(request, response, text())
  })
  server.maxConnections = MAX_CONNECTIONS
  server.maxRequestsPerSocket = 1
  server.setTimeout(PATIENCE_MS, (socket) => socket.destroy())
  server.on('error', onTrouble)
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(path, () => {
    try {
      chmodSync(path, 0o600)
    } catch {
      // It was taken away already; the folder around it is private in any case.
    }
  })
  server.unref()
  return {
    close: () => {
      server.close()
      server.closeAllConnections()
      removeSocket(path)
    },
  }
}

function answer({ method, url }: http.IncomingMessage, response: http.ServerResponse, text: string | null): void {
  response.setHeader('connection', 'close')
  if (url !== '/metrics') end(response, 404, 'Only /metrics is here.\n')
  else if (method !== 'GET') end(response.setHeader('allow', 'GET'), 405, 'Only GET is answered.\n')
  else if (text === null) end(response, 503, 'Nothing was measured yet.\n')
  else end(response.setHeader('content-type', CONTENT_TYPE), 200, text)
}

function end(response: http.ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.end(text)
}

function removeSocket(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // A folder that takes no changes: listening will say so.
  }
}
