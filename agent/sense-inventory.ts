// What is installed on this machine: joins the places that the inventory looks at with the entries that say what they mean. Runs with
// whole sweeps only; what was found, and the index that leads from it to processes, is kept for the looks between them.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Installation, InstallationObservation } from '../contract/installation.ts'
import type { Platform } from '../contract/observation.ts'
import type { Coverage } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { readAgentConfig } from '../rules/agent-config.ts'
import { identifyInstallations, type ReadConfig } from '../rules/identify-installation.ts'
import { type InstallationWords, installationWords } from '../rules/installation-words.ts'
import type { Pack } from '../rules/pack.ts'
import { type ContainerLink, containerLink, indexLinks } from './installed-links.ts'
import { createJoin, type InstalledJoin } from './join-installed.ts'
import { compileExcludes } from './sense/excludes.ts'
import {
  type Collected,
  collectInventory,
  type InventoryRequest,
  readConfig,
  SYSTEM_SCOPE,
} from './sense/inventory/collect-inventory.ts'
import type { InventoryLook } from './sense/inventory/inventory-look.ts'
import { containerPlaces } from './sense/inventory/inventory-places.ts'
import { inventoryDeclaration } from './sense/inventory/inventory-declaration.ts'
import { interpretRecord } from './sense/inventory/interpret-record.ts'
import { askInstalled, interpretInstalled } from './sense/win32/installed.ts'
import { statePlaces } from './state-places.ts'

/** Products in places; a machine with more has an inventory of its own (CWE-770). */
const MAX_INSTALLATIONS = 5_000
/** Things that some entry means; a build server keeps some thousand images. */
const MAX_OBSERVATIONS = 50_000
/** Others get their turn this often. */
const PAUSE_EVERY_MS = 30

export interface InventoryOptions {
  readonly platform: Platform
  readonly pack: Pack
  readonly excludes: readonly string[]
  readonly ownPlaces: readonly string[]
  readonly signal: AbortSignal
  /** Homes to look into and the folder that stands for `/`; default: those of this machine. */
  readonly homes?: readonly string[]
  readonly root?: string
  /** Asks Windows for its lists; default: its PowerShell. */
  readonly askWindows?: typeof askInstalled
}

/** What one inventory gave. */
export interface InventoryOutcome {
  readonly installations: readonly Installation[]
  /** `system` and homes that were looked at without a blind spot: only there can something be gone. */
  readonly coveredScopes: readonly string[]
  readonly coverage: Coverage
  readonly gaps: readonly Gap[]
  /** Leads from what was seen to processes; null where nothing looks. */
  readonly join: InstalledJoin | null
}

interface Found {
  readonly seen: InstallationObservation[]
  readonly configs: ReadConfig[]
  readonly misread: Gap[]
}

/** Looks once. What cannot be looked at is a gap, never an exception. */
export async function senseInventory(options: InventoryOptions): Promise<InventoryOutcome> {
  const { platform, pack, signal, homes, root } = options
  const words = installationWords(pack, platform)
  const excludes = compileExcludes(options.excludes, options.ownPlaces)
  const request: InventoryRequest = {
    platform,
    isWanted: words.isWanted,
    paths: words.paths,
    excludes,
    ...(homes === undefined ? {} : { homes }),
    ...(root === undefined ? {} : { root }),
  }
  const collection = collectInventory(request)
  const found: Found = { seen: [], configs: [], misread: [] }
  let resumedAt = performance.now()
  for (const collected of collection.met) {
    if (signal.aborted) break
    if (collected !== null) note(collected, found, words, collection.look)
    if (performance.now() - resumedAt < PAUSE_EVERY_MS) continue
    await nextTurn()
    resumedAt = performance.now()
  }
  const told = platform === 'win32' ? await addInstalled(options, found, words) : null
  for (const { code, place, detail, count } of found.misread) collection.look.gaps.add(code, place, detail, count)
  const all = identifyInstallations(found.seen, found.configs, words, pack)
  const isCut = all.length > MAX_INSTALLATIONS || found.seen.length >= MAX_OBSERVATIONS
  if (isCut)
    collection.look.gaps.add('GNO_SENSE_LIMIT', 'inventory', `more than ${MAX_INSTALLATIONS} products in places`)
  const people = collection.scopes.filter((scope) => scope !== SYSTEM_SCOPE)
  const links = indexLinks(found.seen, words, people)
  if (links.isCut)
    collection.look.gaps.add('GNO_SENSE_LIMIT', 'inventory', 'more packages or containers than are joined')
  const isWhole = !isCut && !signal.aborted
  const coveredScopes = isWhole
    ? collection.scopes.filter((scope) => !collection.blind.has(scope) && told?.has(scope) !== false)
    : []
  const gaps = collection.look.gaps.list().map((gap) => ({ ...gap, sensor: inventoryDeclaration.id }))
  const installations = all.slice(0, MAX_INSTALLATIONS)
  const states = statePlaces(pack, platform, people, excludes)
  const findContainer = (id: string): ContainerLink | null => findOne(id, request, words)
  const join = createJoin({ links, states, findContainer })
  return { installations, coveredScopes, gaps, coverage: coverageOf(installations, collection.scopes, gaps), join }
}

/** One container that came after the inventory: the record of its id alone, of Docker; Podman keeps all of them in one file. */
function findOne(id: string, request: InventoryRequest, words: InstallationWords): ContainerLink | null {
  const places = containerPlaces(request.platform, id)
  for (const collected of collectInventory({ ...request, places, paths: [] }).met) {
    if (collected?.kind !== 'record') continue
    const { seen } = interpretRecord(collected.record, words.isWanted)
    const found = seen.find(({ containerId }) => containerId === id)
    if (found !== undefined && words.entriesOf(found).length > 0) return containerLink(found, words)
  }
  return null
}

/** What Windows keeps in its registry, its services and its tasks; says where that was told in full. */
async function addInstalled(
  { signal, askWindows = askInstalled }: InventoryOptions,
  { seen, misread }: Found,
  words: InstallationWords,
): Promise<ReadonlySet<string>> {
  const installed = interpretInstalled(await askWindows({ signal, now: () => new Date() }))
  const meant = installed.seen.filter((each) => words.entriesOf(each).length > 0)
  seen.push(...meant.slice(0, MAX_OBSERVATIONS - seen.length))
  misread.push(...installed.gaps)
  return installed.told
}

function note(
  collected: Collected,
  { seen, configs, misread }: Found,
  words: InstallationWords,
  look: InventoryLook,
): void {
  if (seen.length >= MAX_OBSERVATIONS) return
  if (collected.kind === 'record') {
    const reading = interpretRecord(collected.record, words.isWanted)
    seen.push(...reading.seen.filter((each) => words.entriesOf(each).length > 0))
    misread.push(...reading.gaps)
    return
  }
  const { wanted, scope, met } = collected
  const observation = { ...wanted, name: wanted.pattern, scope, place: met.path, version: null, isNameOnly: true }
  seen.push(observation)
  if (wanted.source !== 'config') return
  const entries = words
    .entriesOf(observation)
    .filter(({ configs: own = [] }) => own.some(({ path, holds }) => path === wanted.pattern && holds.some(isSettings)))
  const text = entries.length === 0 ? null : readConfig(met, look)
  if (text === null) return
  for (const entry of entries) {
    const reading = readAgentConfig(entry, { pattern: wanted.pattern, place: met.path, text })
    configs.push({ entryId: entry.id, scope, reading })
    if (!reading.isRead)
      misread.push({
        code: 'GNO_SENSE_FAILED',
        place: met.path,
        count: 1,
        detail: 'a configuration that cannot be read',
      })
  }
}

function isSettings(holds: string): boolean {
  return holds === 'settings' || holds === 'mcp-servers'
}

function coverageOf(installations: readonly Installation[], places: readonly string[], gaps: readonly Gap[]): Coverage {
  const seen = `${installations.length} seen`
  const detail = gaps.length === 0 ? seen : `${seen}; parts could not be looked at, see the gaps`
  const state = gaps.length === 0 ? 'complete' : 'partial'
  return { sensor: inventoryDeclaration.id, state, places: places.slice(0, 256), looked: installations.length, detail }
}
