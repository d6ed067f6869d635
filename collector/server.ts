// The composition root of the centre: constructs store, queue, application and feeds, connects them, and decides nothing.
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { type Result, failed, success } from '../contract/failure.ts'
import { type Delivery, startDelivery } from './feeds/feed-delivery.ts'
import type { Channel } from './feeds/feed.ts'
import { openChannel } from './feeds/feeds.ts'
import { ReportQueue } from './report-queue.ts'
import { buildApp } from './routes/app.ts'
import type { Log } from './routes/problems.ts'
import { createPolicySource } from './settings/agent-policy.ts'
import type { FeedAddress, ServeSettings } from './settings/settings.ts'
import { type StateFolder, readAdminToken } from './settings/state-folder.ts'
import { openSqliteStore } from './store/sqlite-store.ts'
import type { Store } from './store/store.ts'
import { digestToken } from './tokens.ts'
import { COLLECTOR_VERSION } from './version.ts'

interface ServerOptions {
  readonly folder: StateFolder
  readonly settings: ServeSettings
  readonly now: () => Date
  readonly log: Log
}

interface RunningServer {
  /** The address it really listens on, e.g. `http://127.0.0.1:8787`. */
  readonly url: string
  readonly adminToken: string
  /** Answers what is under way, makes it durable, and lets everything go. */
  readonly stop: () => Promise<void>
}

/** Starts the centre. */
export async function startServer({ folder, settings, now, log }: ServerOptions): Promise<Result<RunningServer>> {
  const channels = openChannels(settings.feeds)
  if (!channels.ok) return channels
  const policy = createPolicySource(settings.agentPolicyFile)
  const firstPolicy = policy()
  if (!firstPolicy.ok) return firstPolicy
  const adminToken = readAdminToken(folder)
  if (!adminToken.ok) return adminToken
  const opened = openSqliteStore(folder.databaseFile)
  if (!opened.ok) return opened
  const store = opened.value
  const deliveries: Delivery[] = []
  const queue = new ReportQueue(store, () => {
    for (const delivery of deliveries) delivery.wake()
  })
  const app = await buildApp({
    store,
    queue,
    adminTokenDigest: digestToken(adminToken.value),
    limits: settings.limits,
    policy,
    isRemoteAllowed: settings.isRemoteAllowed,
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
  deliveries.push(...channels.value.map(({ name, channel }) => startFeed(name, channel, store, now, log)))
  return success({
    url: urlOf(app.server.address()),
    adminToken: adminToken.value,
    stop: async () => {
      await app.close()
      await queue.drain()
      await Promise.all(deliveries.map((delivery) => delivery.stop()))
      await store.close()
    },
  })
}

interface NamedChannel {
  readonly name: string
  readonly channel: Channel
}

function openChannels(feeds: readonly FeedAddress[]): Result<readonly NamedChannel[]> {
  const opened: NamedChannel[] = []
  for (const { name, url } of feeds) {
    const channel = openChannel(url, { version: COLLECTOR_VERSION })
    if (!channel.ok) return failed(channel.failure.code, `feed ${name}: ${channel.failure.detail}`)
    opened.push({ name, channel: channel.value })
  }
  return success(opened)
}

function startFeed(feedId: string, channel: Channel, store: Store, now: () => Date, log: Log): Delivery {
  return startDelivery({
    feedId,
    channel,
    outbox: {
      pending: (id, limit) => store.pendingEvents(id, limit),
      confirm: (id, upTo) => store.confirmEvents(id, upTo, now().toISOString()),
    },
    random: Math.random,
    log,
  })
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address of its own')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
