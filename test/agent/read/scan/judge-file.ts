// Reads and scans bytes as a file of a folder, with every scanner and what lies inside, and judges them with the rules of this tree.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Verdict } from '../../../../contract/artifact.ts'
import type { LoadAction } from '../../../../contract/threat.ts'
import { judgeThreats } from '../../../../rules/judge-threats.ts'
import { readPack } from '../../../../rules/pack.ts'
import { compilePack } from '../../../../rules/workbench/compile-pack.ts'
import { readRuleTree } from '../../../../rules/workbench/read-tree.ts'
import { inspectFile } from '../open-candidate.ts'

const tree = readRuleTree(join(import.meta.dirname, '../../../../rules'))
const read = readPack({ pack: compilePack({ ...tree, digests: [] }), signature: null })
if (!read.ok) throw new Error(read.failure.detail)
const pack = read.value

export interface JudgedFile {
  readonly format: string | null
  readonly verdict: Verdict
  /** Ids of the threats, gravest first. */
  readonly threats: readonly string[]
  /** CVE and GHSA ids of them. */
  readonly ids: readonly string[]
  readonly actions: readonly LoadAction[]
  readonly isWhole: boolean
}

/** Nothing of the bytes is executed. `beside` are files in the same folder. */
export async function judgeFile(
  name: string,
  bytes: Uint8Array,
  beside: Readonly<Record<string, Uint8Array>> = {},
): Promise<JudgedFile> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-judge-'))
  try {
    for (const [other, content] of Object.entries(beside)) writeFileSync(join(folder, other), content)
    writeFileSync(join(folder, name), bytes)
    return await judgePath(join(folder, name))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The same for a file that is there. */
export async function judgePath(path: string): Promise<JudgedFile> {
  const { format, scan, verdict: readVerdict } = await inspectFile(path)
  const { threats, verdict } = judgeThreats(scan, readVerdict, pack)
  return {
    format,
    verdict,
    threats: threats.map(({ id }) => id),
    ids: threats.flatMap(({ ids = [] }) => ids),
    actions: scan?.actions ?? [],
    isWhole: scan?.isWhole === true,
  }
}
