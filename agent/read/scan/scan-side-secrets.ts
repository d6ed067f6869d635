// Secrets in the small texts beside the weights of a model folder: configurations, the card, what a training run left.
import type { OpenedFile } from '../../../contract/observation.ts'
import type { LoadScan } from '../../../contract/threat.ts'
import { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { LoadReport } from './load-report.ts'
import { tellSecrets } from './tell-secrets.ts'

const ENDINGS = ['.json', '.md', '.yaml', '.yml', '.toml', '.txt', '.args', '.cfg', '.ini']
/** Vocabularies and indexes of shards: large, and written by no person. */
const PASSED: ReadonlySet<string> = new Set([
  'tokenizer.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'added_tokens.json',
])
/** A folder of a training run has some twenty (CWE-770). */
const MAX_FILES = 32
/** Of each the beginning: settings stand there, and the history of a run behind them. */
const MAX_BYTES = 262_144

/** What the texts beside an opened weights file hold; undefined where nothing spoke. */
export function scanSideSecrets(anchor: OpenedFile, gaps: GapList): LoadScan | undefined {
  const report = new LoadReport()
  const names = anchor.listSiblings().filter(isText).sort().slice(0, MAX_FILES)
  for (const name of names) gaps.attempt(() => scanBeside(anchor, name, report))
  return report.result.actions.length === 0 ? undefined : report.result
}

function isText(name: string): boolean {
  const lower = name.toLowerCase()
  return ENDINGS.some((ending) => lower.endsWith(ending)) && !PASSED.has(lower) && !lower.endsWith('.index.json')
}

function scanBeside(anchor: OpenedFile, name: string, report: LoadReport): void {
  const file = anchor.openSibling(name)
  if (file === null) return
  try {
    const bytes = new Cursor(file).copy(Math.min(MAX_BYTES, file.identity.sizeBytes))
    tellSecrets({ text: Buffer.from(bytes).toString('latin1'), at: 0, member: name }, report)
  } finally {
    file.close()
  }
}
