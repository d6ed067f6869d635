// The list of feeds, one line each.
import { type Result, failed } from '../../contract/failure.ts'
import type { Channel, Feed, FeedContext } from './feed.ts'
import { ocsfSyslog } from './ocsf-syslog.ts'

export const feeds: readonly Feed[] = [ocsfSyslog]

/** Opens the channel that an address names; connects only when something is sent. */
export function openChannel(address: string, context: FeedContext): Result<Channel> {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const feed = feeds.find((candidate) => url?.protocol === `${candidate.scheme}:`)
  if (url !== undefined && feed !== undefined) return feed.open(url, context)
  const known = feeds.map((candidate) => `${candidate.scheme}://`).join(', ')
  return failed('GNO_SETTINGS_INVALID', `the feed address must begin with ${known}`)
}
