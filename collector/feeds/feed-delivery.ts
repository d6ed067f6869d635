// One feed's courier: takes batches from the outbox, confirms what arrived, and backs off while the receiver is down.
import type { Channel, Outbox } from './feed.ts'

/** A syslog channel watches each batch for a second before it believes it, so a batch is also what a feed tells in a second. */
const BATCH = 1_000
/** How often an idle courier looks into the outbox when nobody wakes it (another process may have written). */
const IDLE_MS = 5_000
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 60_000

export interface DeliveryOptions {
  readonly feedId: string
  readonly channel: Channel
  readonly outbox: Outbox
  /** 0 to 1; spreads the retries of many collectors. */
  readonly random: () => number
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void
}

export interface Delivery {
  /** Says that the outbox has something new. */
  readonly wake: () => void
  /** Ends the batch under way unconfirmed and resolves when nothing runs any more. */
  readonly stop: () => Promise<void>
}

/** Starts delivering until it is stopped. */
export function startDelivery(options: DeliveryOptions): Delivery {
  const stopping = new AbortController()
  let wakeUp = (): void => undefined
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, stopping.signal.aborted ? 0 : ms)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const running = deliver(options, stopping.signal, sleep)
  return {
    wake: () => wakeUp(),
    stop: async () => {
      stopping.abort()
      wakeUp()
      await running
      options.channel.close()
    },
  }
}

async function deliver(
  options: DeliveryOptions,
  signal: AbortSignal,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    const outcome = await deliverBatch(options, signal)
    if (outcome === 'failed') {
      failures += 1
      await sleep(backoffMs(failures, options.random))
      continue
    }
    if (failures > 0) options.log('feed is back', { feed: options.feedId, afterFailures: failures })
    failures = 0
    if (outcome === 'idle') await sleep(IDLE_MS)
  }
}

async function deliverBatch(
  { feedId, channel, outbox, log }: DeliveryOptions,
  signal: AbortSignal,
): Promise<'sent' | 'idle' | 'failed'> {
  try {
    const events = await outbox.pending(feedId, BATCH)
    const last = events.at(-1)
    if (last === undefined) return 'idle'
    const sent = await channel.send(events, signal)
    if (sent.ok) {
      await outbox.confirm(feedId, last.number)
      return 'sent'
    }
    if (!signal.aborted)
      log('feed is down', {
        feed: feedId,
        code: sent.failure.code,
        detail: sent.failure.detail,
        waiting: events.length,
      })
  } catch (error) {
    // The outbox itself failed (a full disk): nothing was confirmed, so nothing is lost; it is tried again.
    log('outbox cannot be read', { feed: feedId, error: String(error) })
  }
  return 'failed'
}

function backoffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 20))
  return ceiling * (0.5 + random() / 2)
}
