// Reads and scans bytes as a file on disk, with everything that lies inside it, and judges it with the rules of this tree.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Verdict } from '../../../../contract/artifact.ts'
import type { LoadAction } from '../../../../contract/threat.ts'
import { Cursor } from '../../../../agent/read/cursor.ts'
import { GapList } from '../../../../agent/read/gap-list.ts'
import { scanPart } from '../../../../agent/read/scan/scan-part.ts'
import { nestedReader, sniff } from '../../../../agent/read/sniff-format.ts'
import { judgeThreats } from '../../../../rules/judge-threats.ts'
import { readPack } from '../../../../rules/pack.ts'
import { compilePack } from '../../../../rules/workbench/compile-pack.ts'
import { readRuleTree } from '../../../../rules/workbench/read-tree.ts'
import { openForTest } from '../open-candidate.ts'

const tree = readRuleTree(join(import.meta.dirname, '../../../../rules'))
const read = readPack({ pack: compilePack({ ...tree, digests: [] }), signature: null })
if (!read.ok) throw new Error(read.failure.detail)
const pack = read.value

export interface JudgedContainer {
  readonly format: string | null
  readonly verdict: Verdict
  /** Names of what loading would do, without repetition. */
  readonly names: readonly string[]
  readonly actions: readonly LoadAction[]
  /** Ids of the entries that spoke. */
  readonly threats: readonly string[]
  readonly isWhole: boolean
}

/** Nothing of the bytes is executed. */
export async function judgeContainer(bytes: Uint8Array, name: string): Promise<JudgedContainer> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-scan-'))
  try {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    return await judgeFile(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function judgeFile(path: string): Promise<JudgedContainer> {
  const file = openForTest(path)
  try {
    const gaps = new GapList(path)
    const { look, reader } = sniff(file)
    const weights = reader?.read(new Cursor(file), gaps, { look, readNested: nestedReader() }) ?? null
    const format = reader?.id ?? null
    const scan = await scanPart(file, { format, look, weights, scanTemplate: null }, gaps)
    const { verdict, threats } = judgeThreats(scan, gaps.verdict(), pack)
    const actions = scan?.actions ?? []
    const names = [...new Set(actions.map((action) => action.name))]
    return { format, verdict, names, actions, threats: threats.map(({ id }) => id), isWhole: scan?.isWhole === true }
  } finally {
    file.close()
  }
}
