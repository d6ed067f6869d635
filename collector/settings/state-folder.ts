// The state folder: 0700, holding the database, the admin token (0600) and settings.json. Nothing of the collector lives elsewhere.
import { closeSync, fsyncSync, lstatSync, openSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { type Result, failed, success } from '../../contract/failure.ts'
import { errorCode } from '../error-code.ts'
import { makeToken } from '../tokens.ts'
import { readBoundedFile } from './bounded-file.ts'
import { makePrivateFile, makePrivateFolder, plantedBy } from './private-folder.ts'

/** An admin token has 53 characters and a line end. */
const MAX_TOKEN_BYTES = 256

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

/** Makes the folder and the database file when they are missing; refuses what somebody else may have put there. */
export function openStateFolder(path: string): Result<StateFolder> {
  const folder: StateFolder = {
    path,
    databaseFile: join(path, 'collector.sqlite'),
    settingsFile: join(path, 'settings.json'),
    adminTokenFile: join(path, 'admin-token'),
  }
  try {
    const refused =
      makePrivateFolder(path) ?? makePrivateFile(folder.databaseFile) ?? plantedBeside(folder.databaseFile)
    return refused === null ? success(folder) : failed('GNO_STATE_UNUSABLE', refused)
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    return failed(code === 'ENOSPC' ? 'GNO_STATE_FULL' : 'GNO_STATE_UNUSABLE', `${path}: ${code}`, error)
  }
}

/** SQLite opens its log and its index by these names without asking whose they are. */
function plantedBeside(databaseFile: string): string | null {
  for (const file of [`${databaseFile}-wal`, `${databaseFile}-shm`]) {
    const stat = lstatSync(file, { throwIfNoEntry: false })
    const planted = stat === undefined ? null : plantedBy(file, stat)
    if (planted !== null) return planted
  }
  return null
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
  const read = readBoundedFile(folder.adminTokenFile, { maxBytes: MAX_TOKEN_BYTES, links: 'refused' })
  if (read.kind === 'absent') return failed('GNO_STATE_UNUSABLE', `${folder.adminTokenFile} vanished`)
  if (read.kind === 'refused') return failed('GNO_STATE_UNUSABLE', read.detail, read.cause)
  const planted = plantedBy(folder.adminTokenFile, read.stat)
  if (planted !== null) return failed('GNO_STATE_UNUSABLE', planted)
  // Windows has no such mode; there the folder of the user protects the file.
  if (process.platform !== 'win32' && (read.stat.mode & 0o077) !== 0)
    return failed('GNO_STATE_UNUSABLE', `${folder.adminTokenFile} can be read by others: chmod 600`)
  const token = read.text.trim()
  if (/^gno_admin_[\w-]{43}$/.test(token)) return success(token)
  return failed('GNO_STATE_UNUSABLE', `${folder.adminTokenFile} holds no admin token; remove it to have a new one made`)
}
