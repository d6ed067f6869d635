// The state folder: 0700, holding the database, the admin token (0600) and settings.json. Nothing of the collector lives elsewhere.
import { chmodSync, mkdirSync, openSync, closeSync, readFileSync, writeSync, fsyncSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { type Result, failed, success } from '../../contract/failure.ts'
import { errorCode } from '../error-code.ts'
import { makeToken } from '../tokens.ts'

export interface StateFolder {
  readonly path: string
  readonly databaseFile: string
  readonly settingsFile: string
  readonly adminTokenFile: string
}

/** Where the state lives when nothing else is said. */
export function defaultStatePath(environment: Readonly<Record<string, string | undefined>>): string {
  const named = environment['GNOMON_COLLECTOR_STATE']
  if (named !== undefined && named !== '') return named
  if (process.getuid?.() === 0) return '/var/lib/gnomon-collector'
  const xdg = environment['XDG_STATE_HOME']
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.local', 'state') : xdg, 'gnomon-collector')
}

/** Makes the folder when it is missing. */
export function openStateFolder(path: string): Result<StateFolder> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chmodSync(path, 0o700)
  } catch (error) {
    return failed('GNO_STATE_UNUSABLE', `${path}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
  return success({
    path,
    databaseFile: join(path, 'collector.sqlite'),
    settingsFile: join(path, 'settings.json'),
    adminTokenFile: join(path, 'admin-token'),
  })
}

/** Reads the admin token, making it at the first start. Exclusive creation: two starts at once agree on one token. */
export function readAdminToken(folder: StateFolder): Result<string> {
  try {
    const descriptor = openSync(folder.adminTokenFile, 'wx', 0o600)
    writeSync(descriptor, `${makeToken('admin', randomBytes)}\n`)
    fsyncSync(descriptor)
    closeSync(descriptor)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST')
      return failed('GNO_STATE_UNUSABLE', `${folder.adminTokenFile} cannot be made`, error)
  }
  try {
    const token = readFileSync(folder.adminTokenFile, 'utf8').trim()
    if (/^gno_admin_[\w-]{43}$/.test(token)) return success(token)
  } catch (error) {
    return failed('GNO_STATE_UNUSABLE', `${folder.adminTokenFile} cannot be read`, error)
  }
  return failed('GNO_STATE_UNUSABLE', `${folder.adminTokenFile} holds no admin token; remove it to have a new one made`)
}
