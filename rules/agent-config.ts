// What the configuration of an agent says of risk: guards that are switched off, MCP servers, and whether a local model is used.
// Everything else in it (keys, environment, headers, arguments, prompts, history) is never looked at, and nothing of it is kept.
import type { GuardSetting, McpServer } from '../contract/installation.ts'
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import { child, membersOf, readConfigTree, valuesAt } from './config-tree.ts'

export interface ConfigReading {
  readonly isRead: boolean
  readonly risky: readonly GuardSetting[]
  readonly servers: readonly McpServer[]
  readonly pointsAtLocalModel: boolean | null
  readonly because: readonly string[]
}

export interface ConfigText {
  /** As the entry names it: `~/.codex/config.toml`. */
  readonly pattern: string
  /** Where it was read. */
  readonly place: string
  readonly text: string
}

/** Keys under which clients of the Model Context Protocol list their servers; an entry may name others. */
const MCP_PLACES: readonly (readonly string[])[] = [
  ['mcpServers'],
  ['mcp_servers'],
  ['context_servers'],
  ['servers'],
  ['mcp', 'servers'],
]
const ADDRESS_KEYS = ['url', 'serverUrl', 'httpUrl', 'uri', 'endpoint']
const PROGRAM_KEYS = ['command', 'cmd']
const MAX_SERVERS = 128
/** A name longer than this, or with other characters, may be anything; a long run of letters and digits may be a key. */
const PLAIN_NAME = /^[\w.@/: -]{1,64}$/
const LONG_RUN = /[A-Za-z0-9_-]{32,}/
/** The host of an address, behind a scheme and a user. */
const HOST = /^(?:[a-z][a-z0-9+.-]{0,15}:\/\/)?(?:[^/@?#]{0,256}@)?(\[[0-9a-fA-F:.]{2,45}\]|[^/:?#@\s]{1,255})/i

/** Reads one configuration of an entry. */
export function readAgentConfig(entry: RuntimeEntry, config: ConfigText): ConfigReading {
  const tree = readConfigTree(config.text, config.pattern)
  if (tree === undefined) return { isRead: false, risky: [], servers: [], pointsAtLocalModel: null, because: [] }
  return {
    isRead: true,
    risky: riskyIn(tree, entry, config),
    servers: serversIn(tree, entry, config),
    ...localIn(tree, entry, config),
  }
}

function riskyIn(tree: unknown, entry: RuntimeEntry, { pattern, place }: ConfigText): readonly GuardSetting[] {
  return (entry.riskySettings ?? []).flatMap(({ path, at, equals, turnsOff, says }) => {
    if (path !== pattern) return []
    const words = new Set(typeof equals === 'string' ? [equals] : equals)
    // What is told is a word of the rule pack, never a text of the file.
    const value = valuesAt(tree, at)
      .map(wordOf)
      .find((word) => words.has(word))
    if (value === undefined) return []
    return [{ place, setting: at.join('.').slice(0, 500), value, turnsOff, says: says ?? 'a guard is switched off' }]
  })
}

function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? String(value) : ''
}

function localIn(
  tree: unknown,
  entry: RuntimeEntry,
  { pattern, place }: ConfigText,
): Pick<ConfigReading, 'pointsAtLocalModel' | 'because'> {
  let pointsAtLocalModel: boolean | null = null
  const because: string[] = []
  for (const { path, at, equals, says } of entry.localSettings ?? []) {
    if (path !== pattern) continue
    const words = equals === undefined ? null : new Set(typeof equals === 'string' ? [equals] : equals)
    const values = valuesAt(tree, at)
      .map(wordOf)
      .filter((word) => word !== '')
    if (values.length === 0) continue
    const isLocal = values.some((value) => (words === null ? isLoopback(value) : words.has(value)))
    pointsAtLocalModel = pointsAtLocalModel === true || isLocal
    if (isLocal) because.push(`${at.join('.')} in ${place}: ${says}`.slice(0, 1_000))
  }
  return { pointsAtLocalModel, because }
}

function serversIn(tree: unknown, entry: RuntimeEntry, { pattern, place }: ConfigText): readonly McpServer[] {
  const config = (entry.configs ?? []).find(({ path }) => path === pattern)
  if (config?.holds.includes('mcp-servers') !== true) return []
  const places = [...MCP_PLACES, ...(config.servers ?? [])]
  const servers = places
    .flatMap((at) => valuesAt(tree, at))
    .flatMap((list) => membersOf(list).slice(0, MAX_SERVERS))
    .flatMap(([key, server]) => describeServer(key, server, place))
  return [...new Map(servers.map((server) => [JSON.stringify(server), server])).values()].slice(0, MAX_SERVERS)
}

function describeServer(key: string, server: unknown, place: string): readonly McpServer[] {
  const name = /^[0-9]+$/.test(key) ? firstText(server, ['name', 'id']) || key : key
  const told = { name: plainWord(name), place }
  const address = firstText(server, ADDRESS_KEYS)
  if (address !== '')
    return [{ ...told, how: 'address', reach: isLoopback(address) ? 'local' : 'remote', program: null }]
  const program = firstText(server, PROGRAM_KEYS)
  if (program === '') return []
  return [{ ...told, how: 'program', reach: 'local', program: plainWord(baseNameOf(program)) }]
}

/** The first text under one of these keys: itself, the first member of a list, or `path` of an object. */
function firstText(server: unknown, keys: readonly string[]): string {
  for (const key of keys) {
    const [value] = child(server, key)
    const candidates = [value, membersOf(value)[0]?.[1], child(value, 'path')[0]]
    const found = candidates.find((each): each is string => typeof each === 'string' && each.trim() !== '')
    if (found !== undefined) return found
  }
  return ''
}

/** A command in one text has its arguments behind the first space, and they are nobody's business. */
function baseNameOf(command: string): string {
  const quoted = /^\s*(?:"([^"]+)"|'([^']+)')/.exec(command)
  const path = quoted?.[1] ?? quoted?.[2] ?? programPath(command.trim())
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).replace(/\.exe$/i, '')
}

/** A Windows path may hold spaces: it ends behind its ending. */
function programPath(command: string): string {
  return /^[A-Za-z]:\\.*?\.(?:exe|cmd|bat)(?=\s|$)/i.exec(command)?.[0] ?? command.split(/\s/, 1)[0] ?? ''
}

function plainWord(text: string): string {
  return PLAIN_NAME.test(text) && !LONG_RUN.test(text) ? text : `‹${Array.from(text).length} chars›`
}

/** True for an address of this machine. Names of other machines are neither resolved nor told. */
export function isLoopback(address: string): boolean {
  const host = HOST.exec(address.trim())?.[1]?.toLowerCase() ?? ''
  if (host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || host === '0.0.0.0') return true
  return /^127(?:\.[0-9]{1,3}){3}$/.test(host) || host === 'host.docker.internal'
}
