// One daemon works on a state folder at a time. The lock is an exclusive transaction on a small database of its own: the system takes it
// back when the process that holds it ends, however it ends, so no lock is ever left behind.
import Database from 'better-sqlite3'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { failed, type Result, success } from '../../contract/failure.ts'
import { errorCode, errorText } from './error-text.ts'
import { parseJson } from './sweep-record.ts'

const LOCK_NAME = 'daemon.lock'
const WHO_NAME = 'daemon.json'

/** The daemon that works on a state folder. */
export interface RunningDaemon {
  readonly pid: number
  /** Null for one that nobody watches. */
  readonly supervisorPid: number | null
  readonly since: string
}

export interface DaemonLock {
  readonly release: () => void
}

/** Takes the lock, waiting that long for a predecessor that is about to end; GNO_STATE_IN_USE when it stays. Its folder must exist. */
export function takeDaemonLock(folder: string, who: RunningDaemon, patienceMs: number): Result<DaemonLock> {
  const taken = lockDatabase(folder, patienceMs)
  if (!taken.ok) return taken
  const database = taken.value
  if (database === null) {
    const daemon = readWho(folder)
    const named = daemon === null ? 'another daemon' : `the daemon with pid ${daemon.pid} (since ${daemon.since})`
    return failed('GNO_STATE_IN_USE', `${named} works on ${folder}`)
  }
  try {
    writeFileSync(join(folder, WHO_NAME), `${JSON.stringify(who)}\n`, { mode: 0o600 })
  } catch (error) {
    database.close()
    return failed('GNO_STATE_UNUSABLE', `${folder}: ${errorText(error)}`, error)
  }
  return success({ release: () => database.close() })
}

/** Who works on a state folder now; null when nobody does. */
export function findDaemon(folder: string): Result<RunningDaemon | null> {
  if (!existsSync(join(folder, LOCK_NAME))) return success(null)
  const taken = lockDatabase(folder, 0)
  if (!taken.ok) return taken
  if (taken.value === null) return success(readWho(folder) ?? { pid: 0, supervisorPid: null, since: '' })
  taken.value.close()
  return success(null)
}

/** The database in an exclusive transaction; null when somebody else has it. */
function lockDatabase(folder: string, timeout: number): Result<Database.Database | null> {
  const file = join(folder, LOCK_NAME)
  let database: Database.Database | undefined
  try {
    database = new Database(file, { timeout })
    chmodSync(file, 0o600)
    // Nothing is ever written to it, so it needs no journal beside it.
    database.pragma('journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    return success(database)
  } catch (error) {
    database?.close()
    const code = errorCode(error)
    if (code === null) throw error
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return success(null)
    return failed('GNO_STATE_UNUSABLE', `${file}: ${code} ${errorText(error)}`, error)
  }
}

/** Who wrote its name last: of use only while the lock is held. */
function readWho(folder: string): RunningDaemon | null {
  let value: unknown
  try {
    value = parseJson(readFileSync(join(folder, WHO_NAME), 'utf8'))
  } catch (error) {
    if (errorCode(error) === null) throw error
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  if (!('pid' in value && typeof value.pid === 'number') || !('since' in value && typeof value.since === 'string'))
    return null
  const supervisorPid = 'supervisorPid' in value && typeof value.supervisorPid === 'number' ? value.supervisorPid : null
  return { pid: value.pid, supervisorPid, since: value.since }
}
