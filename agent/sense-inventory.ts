// What is installed on this machine: joins the places that the inventory looks at with the entries that say what they mean. Runs with
// whole sweeps only; what was found is kept for the looks between them.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Installation, InstallationObservation } from '../contract/installation.ts'
import type { Platform } from '../contract/observation.ts'
import type { Coverage } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { readAgentConfig } from '../rules/agent-config.ts'
import { identifyInstallations, type ReadConfig } from '../rules/identify-installation.ts'
import { type InstallationWords, installationWords } from '../rules/installation-words.ts'
import type { Pack } from '../rules/pack.ts'
import { compileExcludes } from './sense/excludes.ts'
import { type Collected, collectInventory, readConfig } from './sense/inventory/collect-inventory.ts'
import type { InventoryLook } from './sense/inventory/inventory-look.ts'
import { inventoryDeclaration } from './sense/inventory/inventory-declaration.ts'
import { interpretRecord } from './sense/inventory/interpret-record.ts'

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
}

/** What one inventory gave. */
export interface InventoryOutcome {
  readonly installations: readonly Installation[]
  /** `system` and homes that were looked at without a blind spot: only there can something be gone. */
  readonly coveredScopes: readonly string[]
  readonly coverage: Coverage
  readonly gaps: readonly Gap[]
}

interface Found {
  readonly seen: InstallationObservation[]
  readonly configs: ReadConfig[]
  readonly misread: Gap[]
}

/** Looks once. What cannot be looked at is a gap, never an exception. */
export async function senseInventory(options: InventoryOptions): Promise<InventoryOutcome> {
  const { platform, pack, signal, homes, root } = options
  if (platform === 'win32') return unsupported(platform)
  const words = installationWords(pack, platform)
  const collection = collectInventory({
    platform,
    isWanted: words.isWanted,
    paths: words.paths,
    excludes: compileExcludes(options.excludes, options.ownPlaces),
    ...(homes === undefined ? {} : { homes }),
    ...(root === undefined ? {} : { root }),
  })
  const found: Found = { seen: [], configs: [], misread: [] }
  let resumedAt = performance.now()
  for (const collected of collection.met) {
    if (signal.aborted) break
    if (collected !== null) note(collected, found, words, collection.look)
    if (performance.now() - resumedAt < PAUSE_EVERY_MS) continue
    await nextTurn()
    resumedAt = performance.now()
  }
  for (const { code, place, detail, count } of found.misread) collection.look.gaps.add(code, place, detail, count)
  const all = identifyInstallations(found.seen, found.configs, words, pack)
  const isCut = all.length > MAX_INSTALLATIONS || found.seen.length >= MAX_OBSERVATIONS
  if (isCut)
    collection.look.gaps.add('GNO_SENSE_LIMIT', 'inventory', `more than ${MAX_INSTALLATIONS} products in places`)
  const isWhole = !isCut && !signal.aborted
  const coveredScopes = isWhole ? collection.scopes.filter((scope) => !collection.blind.has(scope)) : []
  const gaps = collection.look.gaps.list().map((gap) => ({ ...gap, sensor: inventoryDeclaration.id }))
  const installations = all.slice(0, MAX_INSTALLATIONS)
  return { installations, coveredScopes, gaps, coverage: coverageOf(installations, collection.scopes, gaps) }
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

function unsupported(platform: Platform): InventoryOutcome {
  const detail = `the inventory does not exist on ${platform} yet`
  const sensor = inventoryDeclaration.id
  return {
    installations: [],
    coveredScopes: [],
    coverage: { sensor, state: 'unsupported', places: [], looked: 0, detail },
    gaps: [{ code: 'GNO_SENSE_UNSUPPORTED', place: sensor, count: 1, detail, sensor }],
  }
}
