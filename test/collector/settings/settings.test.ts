// What the collector is told, and what it refuses to start with.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSettingsFile, resolveServeSettings } from '../../../collector/settings/settings.ts'
import {
  type StateFolder,
  defaultStatePath,
  openStateFolder,
  readAdminToken,
} from '../../../collector/settings/state-folder.ts'
import { COLLECTOR_VERSION } from '../../../collector/version.ts'
import { readJsonObject } from '../json-file.ts'
import { temporaryFolder } from '../running-collector.ts'

let place: ReturnType<typeof temporaryFolder>
let folder: StateFolder
beforeEach(() => {
  place = temporaryFolder()
  const opened = openStateFolder(join(place.path, 'state'))
  if (!opened.ok) throw new Error(opened.failure.detail)
  folder = opened.value
})
afterEach(() => place.remove())

const none = { listen: undefined, allowRemote: false, feeds: [] }

describe('listening', () => {
  it.each(['0.0.0.0:8787', '[::]:8787', '10.0.0.5:80', 'example.org:80', '127.0.0.1.evil.example:80'])(
    'refuses %s without --allow-remote, and says why',
    (listen) => {
      const settings = resolveServeSettings({}, { ...none, listen })

      expect(settings).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_INVALID' } })
      expect(JSON.stringify(settings)).toContain('TLS')
      expect(resolveServeSettings({}, { ...none, listen, allowRemote: true }).ok).toBe(true)
    },
  )

  it.each(['127.0.0.1:0', '127.8.0.1:1', '[::1]:8787', 'localhost:65535'])('takes %s', (listen) => {
    expect(resolveServeSettings({}, { ...none, listen }).ok).toBe(true)
  })

  it.each(['', '8787', '127.0.0.1', '127.0.0.1:65536', '127.0.0.1:x', '::1:80', 'a b:80'])(
    'cannot read "%s"',
    (listen) => {
      expect(resolveServeSettings({}, { ...none, listen })).toMatchObject({
        ok: false,
        failure: { code: 'GNO_SETTINGS_INVALID' },
      })
    },
  )

  it('lets the command line win over the file', () => {
    const settings = resolveServeSettings(
      { listen: '127.0.0.1:1', feeds: { soc: 'syslog://a:1' } },
      { ...none, listen: '127.0.0.1:2', feeds: ['syslog://b:2'] },
    )

    expect(settings).toMatchObject({
      ok: true,
      value: { listen: { port: 2 }, feeds: [{ name: 'soc' }, { name: 'syslog://b:2' }] },
    })
  })
})

describe('the settings file', () => {
  it('may be missing', () => {
    expect(readSettingsFile(folder)).toEqual({ ok: true, value: {} })
  })

  it.each([
    ['not JSON', '{', 'GNO_SETTINGS_UNREADABLE'],
    ['an unknown key', '{"lisen":"127.0.0.1:1"}', 'GNO_SETTINGS_INVALID'],
    ['a wrong type', '{"feeds":["syslog://a"]}', 'GNO_SETTINGS_INVALID'],
    ['a limit of zero', '{"limits":{"agentPerMinute":0}}', 'GNO_SETTINGS_INVALID'],
  ])('with %s is refused', (_name, text, code) => {
    writeFileSync(folder.settingsFile, text)

    expect(readSettingsFile(folder)).toMatchObject({ ok: false, failure: { code } })
  })

  const onLinux = process.platform === 'linux' ? it : it.skip
  if (process.platform !== 'linux')
    console.warn('skipped: /dev/zero and FIFOs in place of settings are proved on Linux')
  onLinux('that is no regular file is refused instead of read for ever', () => {
    symlinkSync('/dev/zero', folder.settingsFile)

    expect(readSettingsFile(folder)).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_UNREADABLE' } })
  })

  onLinux('that is a FIFO is refused instead of waited for', () => {
    execFileSync('/usr/bin/mkfifo', [folder.settingsFile])

    expect(readSettingsFile(folder)).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_UNREADABLE' } })
  })

  it('of more than a megabyte is refused before it is read', () => {
    writeFileSync(folder.settingsFile, `{}${' '.repeat(1_048_576)}`)

    expect(readSettingsFile(folder)).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_UNREADABLE' } })
  })

  it('changes one limit and leaves the others', () => {
    writeFileSync(folder.settingsFile, '{"limits":{"anonymousPerMinute":7}}')
    const file = readSettingsFile(folder)
    if (!file.ok) throw new Error(file.failure.detail)

    expect(resolveServeSettings(file.value, none)).toMatchObject({
      value: { limits: { anonymousPerMinute: 7, agentPerMinute: 6_000 } },
    })
  })
})

describe('the state folder', () => {
  it('and the admin token are closed to other users, and the token stays the same', () => {
    const first = readAdminToken(folder)
    const second = readAdminToken(folder)

    expect(first).toEqual(second)
    expect(first.ok && /^gno_admin_[\w-]{43}$/.test(first.value)).toBe(true)
    expect(statSync(folder.path).mode & 0o777).toBe(0o700)
    expect(statSync(folder.adminTokenFile).mode & 0o777).toBe(0o600)
    expect(readFileSync(folder.adminTokenFile, 'utf8').trim()).toBe(first.ok ? first.value : '')
  })

  const onPosix = process.platform === 'win32' ? it.skip : it
  if (process.platform === 'win32') console.warn('skipped: owners and modes of folders are those of POSIX')
  const refused = { ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } }

  onPosix('of another user is refused', () => {
    const isRoot = process.getuid?.() === 0
    const other = isRoot ? folder.path : '/usr'
    if (isRoot) chownSync(folder.path, 12_345, 12_345)

    const opened = openStateFolder(other)

    expect(opened).toMatchObject(refused)
    expect(JSON.stringify(opened)).toContain('belongs to user')
  })

  onPosix('whose database is a link, a folder, or open to others for writing is refused', () => {
    const elsewhere = join(place.path, 'elsewhere')
    writeFileSync(elsewhere, '')
    const plants = [
      () => symlinkSync(elsewhere, folder.databaseFile),
      () => mkdirSync(folder.databaseFile),
      () => {
        writeFileSync(folder.databaseFile, '')
        chmodSync(folder.databaseFile, 0o660)
      },
      () => {
        writeFileSync(folder.databaseFile, '')
        symlinkSync(elsewhere, `${folder.databaseFile}-wal`)
      },
    ]

    const opened = plants.map((plant) => {
      rmSync(folder.databaseFile, { recursive: true, force: true })
      plant()
      return openStateFolder(folder.path)
    })

    for (const one of opened) expect(one).toMatchObject(refused)
  })

  onPosix('closes a database that others can read', () => {
    chmodSync(folder.databaseFile, 0o644)

    const opened = openStateFolder(folder.path)

    expect(opened.ok).toBe(true)
    expect(statSync(folder.databaseFile).mode & 0o777).toBe(0o600)
  })

  onPosix('with an admin token that is a link, or that others can read, is refused', () => {
    const made = readAdminToken(folder)
    const text = readFileSync(folder.adminTokenFile, 'utf8')
    chmodSync(folder.adminTokenFile, 0o640)
    const readable = readAdminToken(folder)
    rmSync(folder.adminTokenFile)
    const elsewhere = join(place.path, 'elsewhere')
    writeFileSync(elsewhere, text, { mode: 0o600 })
    symlinkSync(elsewhere, folder.adminTokenFile)
    const linked = readAdminToken(folder)

    expect(made.ok).toBe(true)
    expect(readable).toMatchObject(refused)
    expect(linked).toMatchObject(refused)
  })

  onPosix('under a place where nothing can be made is refused, also where making folders would never end', () => {
    for (const path of ['/proc/self/state/of/gnomon', '/dev/null/state'])
      expect(openStateFolder(path)).toMatchObject(refused)
  })

  it('with a damaged token file is refused instead of opened to everybody', () => {
    writeFileSync(folder.adminTokenFile, '\n')

    expect(readAdminToken(folder)).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
  })

  it('is named by the environment first', () => {
    expect(defaultStatePath({ GNOMON_COLLECTOR_STATE: '/x' })).toBe('/x')
    expect(defaultStatePath({ GNOMON_COLLECTOR_STATE: '' })).toMatch(/gnomon-collector$/)
  })
})

it('the version is that of the package', () => {
  expect(readJsonObject(join(import.meta.dirname, '../../../package.json'))['version']).toBe(COLLECTOR_VERSION)
})
