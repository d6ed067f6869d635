// A real collector on a free port of loopback with its state in a temporary folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '../../collector/server.ts'
import { type RateLimits, resolveServeSettings } from '../../collector/settings/settings.ts'
import { openStateFolder } from '../../collector/settings/state-folder.ts'
import { openSqliteStore } from '../../collector/store/sqlite-store.ts'
import { digestToken, makeToken } from '../../collector/tokens.ts'
import { randomBytes } from 'node:crypto'
import type { Report } from '../../contract/report.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export interface Collector {
  readonly url: string
  readonly statePath: string
  readonly adminToken: string
  readonly logged: readonly string[]
  readonly get: (path: string, token?: string) => Promise<Answer>
  readonly post: (
    path: string,
    token: string | null,
    body: string | Buffer,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  /** Sends these bytes as they are and gives what comes back until the end of the connection. */
  readonly raw: (request: string) => Promise<{ readonly status: number; readonly text: string }>
  readonly report: (token: string, report: Report) => Promise<Answer>
  readonly enrolmentToken: (uses?: number, expiresAt?: string, replaces?: string | null) => Promise<string>
  readonly enrol: (hostId?: string, hostName?: string) => Promise<string>
  readonly stop: () => Promise<void>
}

/** Makes a folder that a test removes itself. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'gnomon-collector-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export async function startCollector(
  statePath: string,
  change: {
    readonly allowRemote?: boolean
    readonly limits?: RateLimits
    readonly feeds?: readonly string[]
    readonly agentPolicy?: string
    readonly now?: () => Date
  } = {},
): Promise<Collector> {
  const folder = openStateFolder(statePath)
  if (!folder.ok) throw new Error(folder.failure.detail)
  const settings = resolveServeSettings(change.agentPolicy === undefined ? {} : { agentPolicy: change.agentPolicy }, {
    listen: '127.0.0.1:0',
    allowRemote: change.allowRemote ?? false,
    feeds: change.feeds ?? [],
  })
  if (!settings.ok) throw new Error(settings.failure.detail)
  const logged: string[] = []
  const started = await startServer({
    folder: folder.value,
    settings: { ...settings.value, limits: change.limits ?? settings.value.limits },
    now: change.now ?? (() => new Date()),
    log: (message, fields) => void logged.push(JSON.stringify({ message, ...fields })),
  })
  if (!started.ok) throw new Error(started.failure.detail)
  const { url, adminToken, stop } = started.value
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, init)
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    const body: unknown = isJson ? JSON.parse(text) : text
    return { status: response.status, headers: response.headers, body }
  }
  const post: Collector['post'] = (path, token, body, headers = {}) =>
    send(path, {
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    })
  const enrolmentToken: Collector['enrolmentToken'] = async (
    uses = 1,
    expiresAt = '2999-01-01T00:00:00.000Z',
    replaces = null,
  ) => {
    const store = openSqliteStore(folder.value.databaseFile)
    if (!store.ok) throw new Error(store.failure.detail)
    const token = makeToken('enrol', randomBytes)
    await store.value.addEnrolmentToken({
      digest: digestToken(token),
      uses,
      createdAt: '2020-01-01T00:00:00.000Z',
      expiresAt,
      replaces,
    })
    await store.value.close()
    return token
  }
  return {
    url,
    statePath,
    adminToken,
    logged,
    get: (path, token = adminToken) => send(path, { headers: { authorization: `Bearer ${token}` } }),
    post,
    raw: (request) => exchange(Number(new URL(url).port), request),
    report: (token, report) => post('/api/v1/reports', token, JSON.stringify(report)),
    enrolmentToken,
    enrol: async (hostId = 'host-1', hostName = 'lt-0042') => {
      const answer = await post(
        '/api/v1/enrol',
        null,
        JSON.stringify({ token: await enrolmentToken(), hostId, hostName }),
      )
      const agentToken = answer.status === 200 && isRecord(answer.body) ? answer.body['agentToken'] : undefined
      if (typeof agentToken !== 'string') throw new Error(`enrolment was refused: ${JSON.stringify(answer.body)}`)
      return agentToken
    },
    stop,
  }
}

function exchange(port: number, request: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => {
      text += piece
    })
    socket.once('error', reject)
    socket.once('end', () => resolve({ status: Number(text.split(' ')[1]), text }))
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
