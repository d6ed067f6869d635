// Archives of Keras 3: the configuration, the weights and assets as files of their own, and members that no such archive has.
import { type Cursor, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { type ZipMember, openMember, readZip } from '../zip.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellKeras } from './tell-keras.ts'

/** The configuration of the largest networks is 2 MB; assets are lists of words (CWE-409). */
const MAX_CONFIG_BYTES = 8_388_608
const MAX_ASSET_BYTES = 33_554_432
/** Files of weights and assets (CWE-770). */
const MAX_MEMBERS = 1_024

const CONFIG = 'config.json'
const METADATA = 'metadata.json'
/** Weights in one file or several (keras/src/saving/saving_lib.py), and what layers keep as files of their own. */
const WEIGHTS = /^(?:model|model_\d{5})\.weights\.(?:h5|npz|json)$/
const ASSETS = 'assets/'

/** The scanner of Keras 3 archives. */
export const scanKerasZip: Scanner = {
  id: 'keras-zip',
  formats: ['keras-zip'],
  // Keras makes the layers of config.json before it misses the other members.
  looksAt: ({ format, look }) => format !== 'keras-zip' && look.zip()?.byName.has(CONFIG) === true,
  scan,
}

interface Scan {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  if (context.format !== 'keras-zip') {
    await scanForeign({ cursor, report, gaps, context })
    return
  }
  const { members } = readZip(cursor) ?? { members: [] }
  if (members.length > MAX_MEMBERS || members.length === 0) {
    gaps.note('GNO_READ_LIMIT', `scan: an archive of Keras with ${members.length} members`)
    report.break()
  }
  for (const member of members.slice(0, MAX_MEMBERS)) {
    cursor.step()
    await tryMember(member, { cursor, report, gaps, context })
  }
}

/** An archive of another kind, or one with members missing. What is no configuration of Keras says nothing about it. */
async function scanForeign(parts: Scan): Promise<void> {
  const { context } = parts
  const isNamedSo = context.look.name.toLowerCase().endsWith('.keras')
  for (const member of context.look.zip()?.members ?? []) {
    if (member.name !== CONFIG) continue
    if (isNamedSo) await tryMember(member, parts)
    else await tryQuietly(member, parts)
  }
}

async function tryQuietly(member: ZipMember, parts: Scan): Promise<void> {
  try {
    await scanMember(member, parts)
  } catch (error) {
    if (troubleOf(error) === undefined) throw error
  }
}

async function tryMember(member: ZipMember, parts: Scan): Promise<void> {
  try {
    await scanMember(member, parts)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    parts.gaps.note(failure.code, `scan: ${quoted(member.name)}: ${failure.detail}`)
    parts.report.break()
  }
}

async function scanMember(member: ZipMember, { cursor, report, gaps, context }: Scan): Promise<void> {
  const { name } = member
  if (name === METADATA || name.endsWith('/')) return
  if (name === CONFIG) {
    const inner = openMember(cursor, member, MAX_CONFIG_BYTES)
    const json = inner.copy(Math.min(inner.size, MAX_CONFIG_BYTES))
    const { scanNested } = context
    await tellKeras(json, { report, gaps, cursor, scanNested, container: 'archive', member: name })
    return
  }
  const isWeights = WEIGHTS.test(name)
  if (!isWeights && !name.startsWith(ASSETS)) {
    report.tell({ kind: 'archive', name: 'keras-unexpected-member', shown: name, member: name, at: member.headerAt })
  }
  const found = await context.scanNested(
    openMember(cursor, member, MAX_ASSET_BYTES),
    name.split('/').at(-1) ?? '',
    gaps,
  )
  if (found !== null) report.adopt(found, name)
  else if (isWeights && name.endsWith('.h5')) {
    gaps.note('GNO_READ_SKIPPED', `scan: ${quoted(name)} is no HDF5 file`)
    report.break()
  }
}
