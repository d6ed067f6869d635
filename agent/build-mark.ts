// Which build this program is: in a checkout the version stays while the code changes; there the build leaves a digest of what it built.
import { readFileSync } from 'node:fs'

/** Empty for an installed agent: its version says everything. */
export function buildMark(): string {
  try {
    return readFileSync(new URL('../build.stamp', import.meta.url), 'utf8').slice(0, 64)
  } catch {
    return ''
  }
}
