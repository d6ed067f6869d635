// What the collector is told, and what it refuses to start with.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
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
