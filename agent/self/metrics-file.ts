// Writes the agent's figures where a collector of metrics picks them up: whole or not at all, for the account of the agent alone.
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const METRICS_NAME = 'metrics.prom'

/** Puts the text into the state folder; on a full disk the last one stays. */
export function writeMetrics(stateFolder: string, text: string): void {
  const file = join(stateFolder, METRICS_NAME)
  const draft = `${file}.new`
  try {
    rmSync(draft, { force: true })
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    renameSync(draft, file)
  } catch {
    // Delivery and the state tell of a disk that takes nothing; an old time of this file tells it to whoever reads it.
  }
}

/** Nothing is left behind that looks like figures of now. */
export function removeMetrics(stateFolder: string): void {
  try {
    rmSync(join(stateFolder, METRICS_NAME), { force: true })
  } catch {
    // A folder that cannot be written: nothing to be done, and its time tells its age.
  }
}
