// How a copy of a state is called that stands in for one that takes no writes (run-beside.ts). Loads nothing: the supervisor asks it, too.
import { basename } from 'node:path'

/** What the names of such copies begin with. */
export const COPY_PREFIX = 'gnomon-beside-'

export function isCopy(folder: string): boolean {
  return basename(folder).startsWith(COPY_PREFIX)
}
