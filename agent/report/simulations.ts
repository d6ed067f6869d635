// The fire drills that this agent itself has planted. Only what stands here makes a finding `simulated` (DESIGN.md section 6):
// the nonce, for the decoy of that digest, for ten minutes. Nothing in a file can claim it.
import { type Result, success } from '../../contract/failure.ts'
import type { StateStore } from './state-store.ts'

const VALID_MS = 10 * 60 * 1000
/** More drills at once than this is not a drill; the oldest are forgotten. */
const MAX_SIMULATIONS = 64

export interface Simulation {
  readonly nonce: string
  readonly sha256: string
  readonly sizeBytes: number
  readonly now: Date
}

/** Remembers a decoy before it is planted. Gives the moment until which it is believed. */
export function registerSimulation(state: StateStore, simulation: Simulation): Result<Date> {
  const expiresAt = simulation.now.getTime() + VALID_MS
  const written = state.write((database) => {
    database.prepare('DELETE FROM simulations WHERE expiresAt <= ?').run(simulation.now.getTime())
    database
      .prepare('INSERT OR REPLACE INTO simulations (nonce, sha256, sizeBytes, expiresAt) VALUES (?, ?, ?, ?)')
      .run(simulation.nonce, simulation.sha256, simulation.sizeBytes, expiresAt)
    database
      .prepare(
        'DELETE FROM simulations WHERE nonce NOT IN (SELECT nonce FROM simulations ORDER BY expiresAt DESC LIMIT ?)',
      )
      .run(MAX_SIMULATIONS)
  })
  return written.ok ? success(new Date(expiresAt)) : written
}

/** True for the digest of a registered decoy whose time is not over. A state that cannot be read believes nothing. */
export function isSimulated(state: StateStore, sha256: string, now: Date): boolean {
  const found = state.read((database) =>
    database
      .prepare('SELECT 1 FROM simulations WHERE sha256 = ? AND expiresAt > ? AND expiresAt <= ?')
      .get(sha256, now.getTime(), now.getTime() + VALID_MS),
  )
  return found.ok && found.value !== undefined
}

/** Sizes of the decoys that are valid now: a sweep needs to hash only files of these sizes. */
export function registeredSizes(state: StateStore, now: Date): ReadonlySet<number> {
  const rows = state.read((database) =>
    database
      .prepare<[number], number>('SELECT sizeBytes FROM simulations WHERE expiresAt > ?')
      .pluck()
      .all(now.getTime()),
  )
  return new Set(rows.ok ? rows.value : [])
}

/** Forgets a decoy as soon as the drill is over. */
export function endSimulation(state: StateStore, nonce: string): Result<void> {
  return state.write((database) => {
    database.prepare('DELETE FROM simulations WHERE nonce = ?').run(nonce)
  })
}
