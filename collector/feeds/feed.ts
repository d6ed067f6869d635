// What a feed is: a scheme, and a channel that carries findings to a SOC. Feeds do not know the store; they get an outbox.
import type { Result } from '../../contract/failure.ts'
import type { FindingEvent } from '../records.ts'

/** The events that a feed has not confirmed yet, oldest first, and how it confirms them. */
export interface Outbox {
  readonly pending: (feedId: string, limit: number) => Promise<readonly FindingEvent[]>
  readonly confirm: (feedId: string, upTo: number) => Promise<void>
}

export interface Channel {
  /** Succeeds only when the receiver has taken all of them. May be called again with the same events: ids make doubles harmless. */
  readonly send: (events: readonly FindingEvent[], signal: AbortSignal) => Promise<Result<void>>
  /** Lets go of what it keeps open between two sends. */
  readonly close: () => void
}

export interface FeedContext {
  /** Version of the collector, as the events state it. */
  readonly version: string
}

export interface Feed {
  /** Scheme of its address, e.g. `syslog` in `syslog://HOST:PORT`. */
  readonly scheme: string
  readonly open: (address: URL, context: FeedContext) => Result<Channel>
}
