// The composition root of the centre: constructs store, queue, application and feeds, connects them, and decides nothing.
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { type Result, failed, success } from '../contract/failure.ts'
import { ReportQueue } from './report-queue.ts'
import { buildApp } from './routes/app.ts'
import type { ServeSettings } from './settings/settings.ts'
import { type StateFolder, readAdminToken } from './settings/state-folder.ts'
import { openSqliteStore } from './store/sqlite-store.ts'
import { digestToken } from './tokens.ts'
import { COLLECTOR_VERSION } from './version.ts'

export interface ServerOptions {
  readonly folder: StateFolder
  readonly settings: ServeSettings
  readonly now: () => Date
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void
}

export interface RunningServer {
  /** The address it really listens on, e.g. `http://127.0.0.1:8787`. */
  readonly url: string
  readonly adminToken: string
  /** Answers what is under way, makes it durable, and lets everything go. */
  readonly stop: () => Promise<void>
}

/** Starts the centre. */
export async function startServer({ folder, settings, now, log }: ServerOptions): Promise<Result<RunningServer>> {
  const adminToken = readAdminToken(folder)
  if (!adminToken.ok) return adminToken
  const opened = openSqliteStore(folder.databaseFile)
  if (!opened.ok) return opened
  const store = opened.value
  const queue = new ReportQueue(store)
  const app = await buildApp({
    store,
    queue,
    adminTokenDigest: digestToken(adminToken.value),
    limits: settings.limits,
    pageFolder: join(import.meta.dirname, 'page'),
    version: COLLECTOR_VERSION,
    now,
    log,
  })
  try {
    await app.listen(settings.listen)
  } catch (error) {
    await store.close()
    const { host, port } = settings.listen
    return failed(
      'GNO_LISTEN_FAILED',
      `${host}:${port}: ${error instanceof Error ? error.message : String(error)}`,
      error,
    )
  }
  return success({
    url: urlOf(app.server.address()),
    adminToken: adminToken.value,
    stop: async () => {
      await app.close()
      await queue.drain()
      await store.close()
    },
  })
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address of its own')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
