// Whether a state lies in a folder, for commands that only read: nothing is made there.
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Failure } from '../../contract/failure.ts'

/** Null where there is one, or where nobody may look: opening it says more. */
export function whyNoState(folder: string): Failure | null {
  try {
    if (lstatSync(join(folder, 'state.db'), { throwIfNoEntry: false }) !== undefined) return null
  } catch {
    return null
  }
  const detail = `there is no state in ${folder}: --state names the folder of the agent, gnomon run begins one`
  return { code: 'GNO_NOT_FOUND', detail }
}
