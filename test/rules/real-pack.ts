// The pack of this checkout, compiled once per test file from the real entries.
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { type PackBody, packFileSchema } from '../../contract/rule-pack.ts'
import { type Pack, readPack } from '../../rules/pack.ts'
import { compilePack } from '../../rules/workbench/compile-pack.ts'
import { type RuleTree, readRuleTree } from '../../rules/workbench/read-tree.ts'

export const rulesFolder = join(dirname(dirname(import.meta.dirname)), 'rules')

export const realTree: RuleTree = readRuleTree(rulesFolder)

/** The body as an endpoint gets it: through JSON. */
export const realBody: PackBody = packFileSchema.parse(
  JSON.parse(JSON.stringify({ pack: compilePack(realTree), signature: null })),
).pack

export const realPack: Pack = packOf(realBody)

/** Reads a body that must be valid. */
export function packOf(body: PackBody): Pack {
  const read = readPack({ pack: body, signature: null })
  if (!read.ok) throw new Error(read.failure.detail)
  return read.value
}

/** SHA-256 in hex, as the agent and the collector give it to the judge. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
