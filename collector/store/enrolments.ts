// Enrolment: who may speak for which host. Only digests of tokens are here, so a stolen database opens nothing.
import type { Database } from 'better-sqlite3'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { Agent, Enrolment } from './store.ts'

interface Enrolments {
  addToken(token: {
    readonly digest: string
    readonly uses: number
    readonly createdAt: string
    readonly expiresAt: string
  }): void
  enrol(enrolment: Enrolment): Result<{ readonly agentId: string; readonly nextSequence: number }>
  findAgent(tokenDigest: string): Agent | null
}

/** Prepares the statements of enrolment. */
export function createEnrolments(db: Database): Enrolments {
  const addToken = db.prepare<[string, number, string, string]>(
    'INSERT INTO enrolment_tokens (digest, uses_left, created_at, expires_at) VALUES (?, ?, ?, ?)',
  )
  const dropSpent = db.prepare<[string]>('DELETE FROM enrolment_tokens WHERE uses_left <= 0 OR expires_at <= ?')
  const useToken = db.prepare<[string, string]>(
    'UPDATE enrolment_tokens SET uses_left = uses_left - 1 WHERE digest = ? AND uses_left > 0 AND expires_at > ?',
  )
  // The same host again keeps its agent and its sequence: nothing it sent before is doubled, nothing it still holds is lost.
  const putHost = db.prepare(
    `INSERT INTO hosts (host_id, host_name, agent_id, agent_token_digest, enrolled_at)
     VALUES (@hostId, @hostName, @agentId, @agentTokenDigest, @at)
     ON CONFLICT (host_id) DO UPDATE SET host_name = excluded.host_name, agent_token_digest = excluded.agent_token_digest`,
  )
  const findHost = db.prepare<[string], { agent_id: string; last_sequence: number }>(
    'SELECT agent_id, last_sequence FROM hosts WHERE host_id = ?',
  )
  const findAgent = db.prepare<[string], { agent_id: string; host_id: string }>(
    'SELECT agent_id, host_id FROM hosts WHERE agent_token_digest = ?',
  )
  const enrol = db.transaction((enrolment: Enrolment): ReturnType<Enrolments['enrol']> => {
    const { tokenDigest, hostId, hostName, agentId, agentTokenDigest, at } = enrolment
    if (useToken.run(tokenDigest, at).changes !== 1)
      return failed('GNO_ENROLMENT_REFUSED', 'the enrolment token is unknown, used up or expired')
    putHost.run({ hostId, hostName, agentId, agentTokenDigest, at })
    const host = findHost.get(hostId)
    if (host === undefined) throw new Error('the host vanished inside its own transaction')
    return success({ agentId: host.agent_id, nextSequence: host.last_sequence + 1 })
  })
  return {
    addToken: ({ digest, uses, createdAt, expiresAt }) => {
      dropSpent.run(createdAt)
      addToken.run(digest, uses, createdAt, expiresAt)
    },
    enrol: (enrolment) => enrol.immediate(enrolment),
    findAgent: (tokenDigest) => {
      const row = findAgent.get(tokenDigest)
      return row === undefined ? null : { agentId: row.agent_id, hostId: row.host_id }
    },
  }
}
