// Enrolment: who may speak for which host. Only digests of tokens are here, so a stolen database opens nothing.
import type { Database } from 'better-sqlite3'
import { type Failure, type Result, failed, success } from '../../contract/failure.ts'
import { type Agent, ANY_HOST, type Enrolment, type EnrolmentToken } from './store.ts'

interface Enrolments {
  addToken(token: EnrolmentToken): void
  enrol(enrolment: Enrolment): Result<{ readonly agentId: string; readonly nextSequence: number }>
  findAgent(tokenDigest: string): Agent | null
  findHostIds(idOrName: string): readonly string[]
}

interface StoredToken {
  readonly replaces: string | null
}

interface StoredHost {
  readonly agent_id: string
  readonly agent_token_digest: string
  readonly last_sequence: number
}

/** Prepares the statements of enrolment. */
export function createEnrolments(db: Database): Enrolments {
  const findAgent = db.prepare<[string], { agent_id: string; host_id: string }>(
    'SELECT agent_id, host_id FROM hosts WHERE agent_token_digest = ?',
  )
  // An id is chosen once and a name at every report: an agent that calls itself like another host's id must not stand for it.
  const findHosts = db.prepare<[string, string], { host_id: string }>(
    'SELECT host_id FROM hosts WHERE host_id = ? OR host_name = ? ORDER BY number LIMIT 16',
  )
  const enrol = createEnrol(db)
  return {
    addToken: createAddToken(db),
    enrol: (enrolment) => enrol.immediate(enrolment),
    findAgent: (tokenDigest) => {
      const row = findAgent.get(tokenDigest)
      return row === undefined ? null : { agentId: row.agent_id, hostId: row.host_id }
    },
    findHostIds: (idOrName) => {
      const ids = findHosts.all(idOrName, idOrName).map((row) => row.host_id)
      return ids.includes(idOrName) ? [idOrName] : ids
    },
  }
}

function createAddToken(db: Database): Enrolments['addToken'] {
  const dropSpent = db.prepare<[string]>('DELETE FROM enrolment_tokens WHERE uses_left <= 0 OR expires_at <= ?')
  const add = db.prepare<[string, number, string, string, string | null]>(
    'INSERT INTO enrolment_tokens (digest, uses_left, created_at, expires_at, replaces) VALUES (?, ?, ?, ?, ?)',
  )
  return ({ digest, uses, createdAt, expiresAt, replaces }) => {
    dropSpent.run(createdAt)
    add.run(digest, uses, createdAt, expiresAt, replaces)
  }
}

function createEnrol(db: Database) {
  const findToken = db.prepare<[string, string], StoredToken>(
    'SELECT replaces FROM enrolment_tokens WHERE digest = ? AND uses_left > 0 AND expires_at > ?',
  )
  const useToken = db.prepare<[string]>('UPDATE enrolment_tokens SET uses_left = uses_left - 1 WHERE digest = ?')
  const findHost = db.prepare<[string], StoredHost>(
    'SELECT agent_id, agent_token_digest, last_sequence FROM hosts WHERE host_id = ?',
  )
  // The same host again keeps its agent and its sequence: nothing it sent before is doubled, nothing it still holds is lost.
  const putHost = db.prepare(
    `INSERT INTO hosts (host_id, host_name, agent_id, agent_token_digest, enrolled_at)
     VALUES (@hostId, @hostName, @agentId, @agentTokenDigest, @at)
     ON CONFLICT (host_id) DO UPDATE SET host_name = excluded.host_name, agent_token_digest = excluded.agent_token_digest,
       replaced_at = @at, replaced_by = @replacedBy`,
  )
  // Whoever made a replacement token vouches for the machine: its chain begins anew, and what broke before is settled.
  const forgetChain = db.prepare<[string]>(
    `UPDATE hosts SET chain_head = NULL, chain_tips = '[]', chain_breaks = 0, chain_break = NULL, chain_break_at = NULL,
       chain_break_sequence = NULL WHERE host_id = ?`,
  )
  return db.transaction((enrolment: Enrolment): ReturnType<Enrolments['enrol']> => {
    const { tokenDigest, hostId, hostName, agentId, agentTokenDigest, at } = enrolment
    const token = findToken.get(tokenDigest, at)
    if (token === undefined)
      return failed('GNO_ENROLMENT_REFUSED', 'the enrolment token is unknown, used up or expired')
    const known = findHost.get(hostId)
    const refusal = refuse(enrolment, token, known)
    if (refusal !== null) return { ok: false, failure: refusal }
    useToken.run(tokenDigest)
    const replacedBy = isOwn(enrolment, known) ? 'own-token' : 'replacement-token'
    putHost.run({ hostId, hostName, agentId, agentTokenDigest, at, replacedBy })
    if (token.replaces !== null) forgetChain.run(hostId)
    return success({ agentId: known?.agent_id ?? agentId, nextSequence: (known?.last_sequence ?? 0) + 1 })
  })
}

/** Whoever takes over a host can call all its findings gone, so a token that lets new hosts in is not enough (CWE-639). */
function refuse(enrolment: Enrolment, { replaces }: StoredToken, known: StoredHost | undefined): Failure | null {
  const { hostId } = enrolment
  if (replaces === ANY_HOST || replaces === hostId) return null
  if (replaces !== null) return refusal(`the token replaces host ${replaces} and enrols no other`)
  if (known === undefined || isOwn(enrolment, known)) return null
  return refusal(
    'this host is enrolled; make a token with gnomon-collector token --replace HOST, or enrol from its own state',
  )
}

function refusal(detail: string): Failure {
  return { code: 'GNO_ENROLMENT_REFUSED', detail }
}

/** Whether the request showed the token that this host's agent has now. */
function isOwn({ currentTokenDigest }: Enrolment, known: StoredHost | undefined): boolean {
  return known !== undefined && known.agent_token_digest === currentTokenDigest
}
