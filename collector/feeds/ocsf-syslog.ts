// Findings to a SOC: OCSF 1.8.0 in RFC 5424 over TCP with octet counting (RFC 6587). Plain TCP; TLS (RFC 5425) is a later version's.
//
// Syslog has no acknowledgement, and a write that the kernel took proves nothing: what lies in a socket dies with the receiver.
// So each batch has its own connection. After the last frame we close our half and wait until the receiver closes its own: it
// does so after it has read everything up to our end. Anything else (reset, timeout) means: send all of it again.
import { connect } from 'node:net'
import { failed, success } from '../../contract/failure.ts'
import type { FindingEvent } from '../records.ts'
import type { Channel, Feed, FeedContext } from './feed.ts'
import { frameEvent } from './syslog-frame.ts'

const DEFAULT_PORT = 601
/** How long a receiver may stay silent: connecting, taking bytes, or closing. */
const SILENCE_MS = 10_000

export const ocsfSyslog: Feed = {
  scheme: 'syslog',
  open: (address, context) => {
    const host = address.hostname.replace(/^\[|\]$/g, '')
    if (host === '') return failed('GNO_SETTINGS_INVALID', 'a syslog feed is written syslog://HOST:PORT')
    const port = address.port === '' ? DEFAULT_PORT : Number(address.port)
    return success(channelTo(host, port, context))
  },
}

function channelTo(host: string, port: number, { version }: FeedContext): Channel {
  return {
    send: async (events, signal) => {
      const bytes = Buffer.concat(events.map((event) => frameEvent(event, version, isTest(event))))
      const trouble = await transmit(host, port, bytes, signal)
      return trouble === null ? success(undefined) : failed('GNO_FEED_DOWN', `${host}:${port}: ${trouble}`)
    },
  }
}

/** A test event has no place in the log of events. */
function isTest(event: FindingEvent): boolean {
  return event.number === 0
}

/** Sends everything and waits for the receiver's own end; a sentence when that did not happen. */
function transmit(host: string, port: number, bytes: Buffer, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true })
    let hasEnded = false
    let trouble: string | null = null
    const giveUp = (why: string): void => {
      trouble ??= why
      socket.destroy()
    }
    const onAbort = (): void => giveUp('stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    socket.setTimeout(SILENCE_MS, () => giveUp(`no answer within ${SILENCE_MS} ms`))
    socket.once('connect', () => socket.end(bytes))
    socket.on('error', (error) => giveUp(error.message))
    // Nothing is expected from the receiver; what it says is read away so that its end can arrive.
    socket.resume()
    socket.once('end', () => {
      hasEnded = socket.writableFinished
      if (!hasEnded) giveUp('the receiver closed before everything was sent')
    })
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort)
      resolve(hasEnded ? trouble : (trouble ?? 'the connection broke'))
    })
  })
}
