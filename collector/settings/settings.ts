// What the collector is told: command line over settings.json over defaults. Every value is checked before anything starts.
import { isAbsolute } from 'node:path'
import { type CollectorSettings, collectorSettingsSchema } from '../../contract/collector-settings.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import { readBoundedFile } from './bounded-file.ts'
import type { StateFolder } from './state-folder.ts'

const DEFAULT_LISTEN = '127.0.0.1:8787'
/** Largest settings file that is read (CWE-770). */
const MAX_SETTINGS_BYTES = 1_048_576

interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface FeedAddress {
  readonly name: string
  readonly url: string
}

/** Requests a minute before 429. Agents get room to empty a spool; strangers get none to guess. */
export interface RateLimits {
  readonly agentPerMinute: number
  readonly adminPerMinute: number
  readonly anonymousPerMinute: number
}

const DEFAULT_LIMITS: RateLimits = { agentPerMinute: 6_000, adminPerMinute: 3_000, anonymousPerMinute: 120 }

export interface ServeSettings {
  readonly listen: ListenAddress
  readonly feeds: readonly FeedAddress[]
  readonly limits: RateLimits
  /** The file of settings for the agents; null: none are handed out. */
  readonly agentPolicyFile: string | null
  /** Whether requests may name any host; otherwise only loopback, which keeps DNS rebinding out. */
  readonly isRemoteAllowed: boolean
}

interface ServeOptions {
  readonly listen: string | undefined
  readonly allowRemote: boolean
  readonly feeds: readonly string[]
}

/** Reads settings.json; a missing file is an empty one. */
export function readSettingsFile(folder: StateFolder): Result<CollectorSettings> {
  const read = readBoundedFile(folder.settingsFile, { maxBytes: MAX_SETTINGS_BYTES, links: 'followed' })
  if (read.kind === 'absent') return success({})
  if (read.kind === 'refused') return failed('GNO_SETTINGS_UNREADABLE', read.detail, read.cause)
  let parsed: unknown
  try {
    parsed = JSON.parse(read.text)
  } catch (error) {
    return failed('GNO_SETTINGS_UNREADABLE', `${folder.settingsFile} is not JSON`, error)
  }
  const checked = collectorSettingsSchema.safeParse(parsed)
  if (checked.success) return success(checked.data)
  const [issue] = checked.error.issues
  return failed(
    'GNO_SETTINGS_INVALID',
    `${folder.settingsFile}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  )
}

/** Joins file and command line into what `serve` needs. */
export function resolveServeSettings(file: CollectorSettings, options: ServeOptions): Result<ServeSettings> {
  const listen = parseListen(options.listen ?? file.listen ?? DEFAULT_LISTEN)
  if (!listen.ok) return listen
  if (!options.allowRemote && !isLoopback(listen.value.host)) {
    return failed(
      'GNO_SETTINGS_INVALID',
      `${listen.value.host} is reachable from other machines and this version speaks plain HTTP without TLS; ` +
        'add --allow-remote only behind a TLS proxy or in a trusted network',
    )
  }
  const feeds = [
    ...Object.entries(file.feeds ?? {}).map(([name, url]) => ({ name, url })),
    ...options.feeds.map((url) => ({ name: url, url })),
  ]
  const limits = { ...DEFAULT_LIMITS }
  for (const [name, value] of Object.entries(file.limits ?? {})) Object.assign(limits, { [name]: value })
  const agentPolicyFile = file.agentPolicy ?? null
  if (agentPolicyFile !== null && !isAbsolute(agentPolicyFile))
    return failed('GNO_SETTINGS_INVALID', `agentPolicy "${agentPolicyFile}" is no absolute path`)
  return success({ listen: listen.value, feeds, limits, agentPolicyFile, isRemoteAllowed: options.allowRemote })
}

function parseListen(value: string): Result<ListenAddress> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):([0-9]{1,5})$/.exec(value)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? Number.NaN)
  if (host === undefined || !(port <= 65_535))
    return failed(
      'GNO_SETTINGS_INVALID',
      `"${value}" is no address to listen on; write HOST:PORT, e.g. ${DEFAULT_LISTEN}`,
    )
  return success({ host, port })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.[0-9]{1,3}){3}$/.test(host)
}
