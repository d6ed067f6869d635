// Where a sweep looks: what a person named, or every user's home and the model stores that the rule pack knows.
import { existsSync, lstatSync } from 'node:fs'
import { failed, type Result, success } from '../contract/failure.ts'
import type { Platform } from '../contract/observation.ts'
import { modelStores, type Pack } from '../rules/pack.ts'
import { defaultSweepRoots, expandStores, readHomes } from './sense/known-places.ts'
import { resolveOperand } from './sense/linux/open-path.ts'
import { bytesOf } from './sense/path-text.ts'
import { createRemoteMounts, findRemote } from './sense/remote-mounts.ts'

/** The folders to sweep. A path that a person typed is resolved once, links included; it must be a folder. */
export function rootsOf(
  operands: readonly string[],
  configured: readonly string[],
  pack: Pack,
  platform: Platform,
): Result<readonly string[]> {
  if (operands.length === 0 && configured.length > 0) return success(configured)
  if (operands.length === 0) return success(defaultSweepRoots(modelStores(pack, platform)))
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

/** Download folders beside the model stores: new weights arrive there. */
const ARRIVALS = ['~/Downloads', '~/Desktop', '~/Documents']

/** What a watcher of its own serves: the existing stores and download folders that lie below the roots. */
export function watchedFolders(roots: readonly string[], pack: Pack, platform: Platform): readonly string[] {
  const stores = [...modelStores(pack, platform), ...ARRIVALS]
  const remote = createRemoteMounts()
  const places = expandStores({ stores, homes: readHomes(), environment: process.env })
  const isSwept = (path: string): boolean =>
    roots.some((root) => path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`))
  return [...new Set(places.filter(isSwept))].filter(
    (path) => findRemote(bytesOf(path), remote) === null && existsSync(path),
  )
}
