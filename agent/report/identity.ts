// Who this agent is: its host id, and what enrolment gave it. A copy of both lies beside the database, so that a damaged
// database does not silence the machine for good.
import type { Database } from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import { type Result, failed, success } from '../../contract/failure.ts'
import { readMeta, writeMeta } from './meta.ts'
import type { StateStore } from './state-store.ts'
import { isRecord, parseJson } from './sweep-record.ts'

export interface Enrolment {
  readonly agentId: string
  readonly agentToken: string
  readonly collectorUrl: string
}

/** The host's id; `propose` is asked once, the first time, and its answer is kept for ever. */
export function hostIdOf(state: StateStore, propose: () => string = randomUUID): Result<string> {
  const known = state.read((database) => readMeta(database, 'hostId'))
  if (!known.ok) return known
  if (known.value !== null) return success(known.value)
  const written = state.write((database) => {
    const other = readMeta(database, 'hostId')
    if (other !== null) return other
    const proposed = propose()
    writeMeta(database, 'hostId', proposed)
    return proposed
  })
  if (written.ok) state.saveIdentity()
  return written
}

/** What enrolment gave; null when this machine is not enrolled. */
export function readEnrolment(state: StateStore): Result<Enrolment | null> {
  const text = state.read((database) => readMeta(database, 'enrolment'))
  if (!text.ok) return text
  if (text.value === null) return success(null)
  const enrolment = parseEnrolment(parseJson(text.value))
  return enrolment === null ? failed('GNO_NOT_ENROLLED', `${state.file} holds no usable enrolment`) : success(enrolment)
}

export function writeEnrolment(database: Database, { agentId, agentToken, collectorUrl }: Enrolment): void {
  writeMeta(database, 'enrolment', JSON.stringify({ agentId, agentToken, collectorUrl }))
  // Another collector may be an older one.
  writeMeta(database, 'encoding', null)
}

function parseEnrolment(value: unknown): Enrolment | null {
  if (!isRecord(value)) return null
  const { agentId, agentToken, collectorUrl } = value
  if (typeof agentId !== 'string' || typeof agentToken !== 'string' || typeof collectorUrl !== 'string') return null
  return { agentId, agentToken, collectorUrl }
}
