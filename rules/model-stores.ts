// Where known runtimes keep their models, as the pack tells it: the places that a sweep looks at and a daemon watches.
import type { Platform } from '../contract/observation.ts'
import type { Pack } from './pack.ts'

/** Model stores of all known runtimes on one system, sorted; `~` stands for each user's home, `%VAR%` for a Windows variable. */
export function modelStores(pack: Pack, platform: Platform): readonly string[] {
  const stores = new Set(pack.runtimes.flatMap((entry) => entry.stores?.[platform] ?? []))
  return [...stores].sort()
}
