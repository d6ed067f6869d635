// Findings to a SOC: OCSF 1.8.0 in RFC 5424 over TCP with octet counting (RFC 6587). Plain TCP; TLS (RFC 5425) is a later version's.
import { failed, success } from '../../contract/failure.ts'
import type { Channel, Feed, FeedContext } from './feed.ts'
import { SyslogConnection } from './syslog-connection.ts'
import { frameEvent } from './syslog-frame.ts'

const DEFAULT_PORT = 601

export const ocsfSyslog: Feed = {
  scheme: 'syslog',
  open: (address, context) => {
    const host = address.hostname.replace(/^\[|\]$/g, '')
    if (host === '') return failed('GNO_SETTINGS_INVALID', 'a syslog feed is written syslog://HOST:PORT')
    const port = address.port === '' ? DEFAULT_PORT : Number(address.port)
    return success(channelTo(host, port, context))
  },
}

/** Keeps one connection for all batches, as receivers expect; after trouble the next batch gets a fresh one. */
function channelTo(host: string, port: number, { version }: FeedContext): Channel {
  let held: SyslogConnection | null = null
  return {
    send: async (events, signal) => {
      const bytes = Buffer.concat(events.map((event) => frameEvent(event, version)))
      const isFirst = held?.isUsable !== true
      const connection = held?.isUsable === true ? held : new SyslogConnection(host, port)
      held = connection
      const trouble = await connection.deliver(bytes, { isFirst, signal })
      return trouble === null ? success(undefined) : failed('GNO_FEED_DOWN', `${host}:${port}: ${trouble}`)
    },
    close: () => {
      held?.close(null)
      held = null
    },
  }
}
