// Where a sweep looks: what a person named, or every user's home and the model stores that the rule pack knows.
import { lstatSync } from 'node:fs'
import { failed, type Result, success } from '../contract/failure.ts'
import type { Platform } from '../contract/observation.ts'
import { modelStores, type Pack } from '../rules/pack.ts'
import { homeFolders, sweepRoots } from './sense/known-places.ts'
import { resolveOperand } from './sense/linux/open-path.ts'

/** The folders to sweep. A path that a person typed is resolved once, links included; it must be a folder. */
export function rootsOf(
  operands: readonly string[],
  configured: readonly string[],
  pack: Pack,
  platform: Platform,
): Result<readonly string[]> {
  if (operands.length === 0 && configured.length > 0) return success(configured)
  if (operands.length === 0) return success(sweepRoots({ stores: modelStores(pack, platform), homes: homeFolders() }))
  const roots = new Set<string>()
  for (const operand of operands) {
    const resolved = resolveOperand(operand)
    if (!resolved.ok) return resolved
    if (lstatSync(resolved.value, { throwIfNoEntry: false })?.isDirectory() !== true) {
      return failed('GNO_USAGE', `${resolved.value} is not a folder; gnomon inspect FILE says what one file is`)
    }
    roots.add(resolved.value)
  }
  return success([...roots])
}
