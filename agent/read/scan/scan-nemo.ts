// Tells what restoring a NeMo archive (NVIDIA/NeMo:nemo/core/connectors/save_restore_connector.py) would do: what its configurations have
// Hydra import and call (CVE-2025-23304), and what the weights in it do by themselves.
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type TarMember, readTar } from '../tar.ts'
import { unpackHead } from '../unpack-head.ts'
import { NameWatch } from './archive-names.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellYaml } from './tell-yaml.ts'

const CONFIG = /\.ya?ml$/i
const MAX_CONFIG_BYTES = 1_048_576
/** One a rank of model parallelism, tokenizers and vocabularies (CWE-400). */
const MAX_MEMBERS = 1_024
/** Of a gzipped archive (CWE-409). */
const MAX_UNPACKED_BYTES = 67_108_864
const FILES = '07'
const LINKS = '12'
const BLOCK_BYTES = 512
const LINK_NAME_AT = 157
const LINK_NAME_BYTES = 100

/** The scanner of NeMo's archives. */
export const scanNemo: Scanner = { id: 'nemo', formats: ['nemo'], scan }

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const tar = open(cursor, report, gaps)
  const members: TarMember[] = []
  if (gaps.attempt(() => readTar(tar, members)) === undefined) report.break()
  const names = new NameWatch(report)
  for (const [index, member] of members.entries()) {
    if (LINKS.includes(member.type)) names.seeLink(member.name, linkOf(tar, member), member.dataAt)
    if (!FILES.includes(member.type)) continue
    names.see(member.name, member.dataAt)
    if (index >= MAX_MEMBERS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_MEMBERS} members`)
    if (member.sizeBytes <= tar.size - member.dataAt) await scanMember(tar, member, { report, gaps, context })
    else report.break()
  }
}

function open(cursor: Cursor, report: LoadReport, gaps: GapList): Cursor {
  const isGzip = cursor.uint16() === 0x8b1f
  cursor.seek(0)
  if (!isGzip) return cursor
  const packed = cursor.copy(Math.min(cursor.size, MAX_UNPACKED_BYTES))
  const unpacked = unpackHead(packed, 'gzip', MAX_UNPACKED_BYTES)
  if (unpacked === null) throw readTrouble('GNO_READ_INVALID', 'the gzip content cannot be unpacked')
  if (unpacked.end !== 'whole' || packed.length < cursor.size) {
    gaps.note('GNO_READ_SKIPPED', 'scan: not all of the gzip content was unpacked')
    report.break()
  }
  return cursor.over(unpacked.bytes)
}

function linkOf(tar: Cursor, { dataAt }: TarMember): string {
  const room = new Uint8Array(LINK_NAME_BYTES)
  tar.source.read(dataAt - BLOCK_BYTES + LINK_NAME_AT, room)
  return Buffer.from(room).toString('utf8').replace(/\0.*$/s, '')
}

interface Round {
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
}

async function scanMember(tar: Cursor, member: TarMember, { report, gaps, context }: Round): Promise<void> {
  const name = member.name.replace(/^\.\//, '')
  const inner = tar.within(member.dataAt, member.sizeBytes)
  if (CONFIG.test(name)) {
    if (member.sizeBytes > MAX_CONFIG_BYTES) throw readTrouble('GNO_READ_LIMIT', `${member.sizeBytes} bytes of YAML`)
    tellYaml(inner.copy(member.sizeBytes), 'nemo', name, report, gaps)
    return
  }
  const scanned = await context.scanNested(inner, name.split('/').at(-1) ?? name, gaps)
  if (scanned !== null) report.adopt(scanned, name)
}
