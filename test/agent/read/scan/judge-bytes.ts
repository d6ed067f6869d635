// Reads and scans bytes as the file they would be, and judges them with the rules of this tree, whether it was built or not.
import { join } from 'node:path'
import type { Verdict } from '../../../../contract/artifact.ts'
import type { LoadAction, Threat } from '../../../../contract/threat.ts'
import { Cursor, memoryBytes, troubleOf } from '../../../../agent/read/cursor.ts'
import { GapList } from '../../../../agent/read/gap-list.ts'
import { Look } from '../../../../agent/read/look.ts'
import { LoadReport } from '../../../../agent/read/scan/load-report.ts'
import type { Scanner } from '../../../../agent/read/scan/scanner.ts'
import { findReader, nestedReader } from '../../../../agent/read/sniff-format.ts'
import { judgeThreats } from '../../../../rules/judge-threats.ts'
import { readPack } from '../../../../rules/pack.ts'
import { compilePack } from '../../../../rules/workbench/compile-pack.ts'
import { readRuleTree } from '../../../../rules/workbench/read-tree.ts'

const tree = readRuleTree(join(import.meta.dirname, '../../../../rules'))
const read = readPack({ pack: compilePack({ ...tree, digests: [] }), signature: null })
if (!read.ok) throw new Error(read.failure.detail)
const pack = read.value

export interface JudgedBytes {
  readonly format: string | null
  /** Of the reader alone, and with what the scanner told. */
  readonly readVerdict: Verdict
  readonly verdict: Verdict
  readonly actions: readonly LoadAction[]
  readonly threats: readonly Threat[]
  readonly isWhole: boolean
  readonly bytesRead: number
}

/** Nothing of the bytes is executed. */
export async function judgeBytes(scanner: Scanner, bytes: Uint8Array, name = ''): Promise<JudgedBytes> {
  const look = new Look(memoryBytes(bytes), name)
  const reader = findReader(look)
  const gaps = new GapList(name)
  const weights = reader?.read(new Cursor(memoryBytes(bytes)), gaps, { look, readNested: nestedReader() }) ?? null
  const report = new LoadReport()
  const cursor = new Cursor(memoryBytes(bytes))
  const format = reader?.id ?? null
  const context = { format, look, weights, scanTemplate: null, scanNested: () => Promise.resolve(null) }
  try {
    await scanner.scan(cursor, report, gaps, context)
  } catch (error) {
    // As scan-part.ts has it.
    if (troubleOf(error) === undefined) throw error
    report.break()
  }
  const { actions, isWhole } = report.result
  const { threats, verdict } = judgeThreats(report.result, gaps.verdict(), pack)
  const readVerdict = gaps.verdict()
  return { format, readVerdict, verdict, actions, threats, isWhole, bytesRead: cursor.bytesRead }
}
