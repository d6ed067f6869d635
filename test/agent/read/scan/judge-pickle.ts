// Scans bytes as a file of the pickle family in memory, and judges what was found with the rules of this project.
import type { Verdict } from '../../../../contract/artifact.ts'
import type { LoadScan } from '../../../../contract/threat.ts'
import { Cursor, memoryBytes } from '../../../../agent/read/cursor.ts'
import { GapList } from '../../../../agent/read/gap-list.ts'
import { Look } from '../../../../agent/read/look.ts'
import { LoadReport } from '../../../../agent/read/scan/load-report.ts'
import { scanPickle } from '../../../../agent/read/scan/scan-pickle.ts'
import { findReader } from '../../../../agent/read/sniff-format.ts'
import { judgeThreats } from '../../../../rules/judge-threats.ts'
import { realPack } from '../../../rules/real-pack.ts'

export interface JudgedPickle {
  readonly verdict: Verdict
  readonly scan: LoadScan
  readonly threats: readonly string[]
  /** Names of actions of how the stream is written. */
  readonly tricks: readonly string[]
}

/** Nothing of the bytes is executed. Files inside the pickle are left closed. */
export async function judgePickle(bytes: Uint8Array, name = 'model.pkl'): Promise<JudgedPickle> {
  const source = memoryBytes(bytes)
  const look = new Look(source, name)
  const format = findReader(look)?.id ?? null
  const report = new LoadReport()
  const scanNested = (): Promise<null> => Promise.resolve(null)
  const context = { format, look, weights: null, scanTemplate: null, scanNested }
  await scanPickle.scan(new Cursor(source), report, new GapList(''), context)
  const scan = report.result
  const { verdict, threats } = judgeThreats(scan, 'unchecked', realPack)
  const tricks = scan.actions.filter(({ kind }) => kind === 'pickle-stream').map((action) => action.name)
  return { verdict, scan, threats: threats.map(({ id }) => id), tricks }
}
