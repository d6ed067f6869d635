// Who decides a setting: managed policy, the collector, this machine, the default; and what a broken document does.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { failureOf } from '../../../agent/settings/choose-settings.ts'
import {
  type LoadSettingsOptions,
  loadAnyway,
  loadSettings,
  stampSettings,
} from '../../../agent/settings/load-settings.ts'
import { managedPlaceOf } from '../../../agent/settings/settings-places.ts'
import { SETTINGS } from '../../../agent/settings/settings.ts'
import { AGENT_POLICY_NAMES } from '../../../contract/agent-policy.ts'

let folder = ''
let managedFile = ''
let localFile = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-layers-')))
  mkdirSync(join(folder, 'gnomon/managed'), { recursive: true, mode: 0o755 })
  managedFile = join(folder, 'gnomon/managed/settings.json')
  localFile = join(folder, 'settings.json')
  write(localFile, {})
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function write(file: string, value: unknown): void {
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o644 })
}

/** Windows has no owners of this kind. */
const owner = process.getuid?.() ?? null

function options(change: Partial<LoadSettingsOptions> = {}): LoadSettingsOptions {
  return {
    environment: {},
    platform: 'linux',
    homeFolder: folder,
    isRoot: false,
    file: localFile,
    managed: { file: managedFile, owner },
    ...change,
  }
}
const collector = (values: Readonly<Record<string, unknown>>) => ({ collector: new Map(Object.entries(values)) })

describe('a setting', () => {
  it('is decided by managed policy, then the collector, then the command line, then the file, then the default', () => {
    const says = (name: string, seconds: number) => ({ [name]: seconds })
    const rows: unknown[] = []
    const look = (change: Partial<LoadSettingsOptions> = {}) => {
      const loaded = loadAnyway(options(change))
      rows.push([loaded.settings.sweepIntervalSeconds, loaded.sources.get('sweepIntervalSeconds') ?? 'default'])
    }

    look()
    write(localFile, says('sweepIntervalSeconds', 100))
    look()
    look({ overrides: says('sweepIntervalSeconds', 200) })
    look({ overrides: says('sweepIntervalSeconds', 200), ...collector(says('sweepIntervalSeconds', 300)) })
    write(managedFile, says('sweepIntervalSeconds', 400))
    look({ overrides: says('sweepIntervalSeconds', 200), ...collector(says('sweepIntervalSeconds', 300)) })

    expect(rows).toEqual([
      [3600, 'default'],
      [100, 'file'],
      [200, 'override'],
      [300, 'collector'],
      [400, 'managed'],
    ])
  })

  it('that is managed cannot be changed on the command line, and a person is told so', () => {
    write(managedFile, { stateFolder: '/var/lib/gnomon' })

    const changed = loadSettings(options({ overrides: { stateFolder: '/tmp/mine' } }))
    const same = loadSettings(options({ overrides: { stateFolder: '/var/lib/gnomon' } }))

    expect(changed).toMatchObject({
      ok: false,
      failure: {
        code: 'GNO_SETTINGS_INVALID',
        detail: `command line: stateFolder: is set by ${managedFile}, which the command line cannot change`,
      },
    })
    expect(same).toMatchObject({ ok: true, value: { settings: { stateFolder: '/var/lib/gnomon' } } })
  })
})

describe('the policy of a collector', () => {
  it.each([
    ['stateFolder', '/elsewhere'],
    ['collectorUrl', 'https://other.example'],
    ['roots', ['/']],
    ['labelledFolders', [{ path: '/srv', label: 'x' }]],
    ['pseudonymKeyFile', '/tmp/key'],
    ['maxSpoolBytes', 2_000_000],
  ])('never sets %s, and that is told', (name, value) => {
    const loaded = loadAnyway(options(collector({ [name]: value })))

    expect(loaded.sources).toEqual(new Map())
    expect(loaded.troubles.map((trouble) => failureOf(trouble).detail)).toEqual([
      `collector policy: ${name}: is never taken from a collector`,
    ])
  })

  it('adds excludes and takes none away', () => {
    write(localFile, { excludes: ['/home/ada/private'] })

    const loaded = loadAnyway(options(collector({ excludes: ['node_modules'] })))

    expect(loaded.settings.excludes).toEqual(['/home/ada/private', 'node_modules'])
  })

  it.each([
    ['full', 'counts', 'counts', 'collector'],
    ['pseudonymous', 'full', 'pseudonymous', 'file'],
    ['counts', 'pseudonymous', 'counts', 'file'],
  ])('asked for privacy, %s here and %s there give %s', (here, there, expected, source) => {
    write(localFile, { privacyLevel: here })

    const loaded = loadAnyway(options(collector({ privacyLevel: there })))

    expect([loaded.settings.privacyLevel, loaded.sources.get('privacyLevel')]).toEqual([expected, source])
  })

  it('stops no command, whatever it holds', () => {
    const loaded = loadSettings(options(collector({ sweepIntervalSeconds: 'soon', privacyLevel: 7, unheard: 1 })))

    expect(loaded).toMatchObject({
      ok: true,
      value: { settings: { sweepIntervalSeconds: 3600, privacyLevel: 'full' }, troubles: { length: 3 } },
    })
  })

  it('knows the names that the table gives it, in both directions', () => {
    const given = Object.entries(SETTINGS).filter(([, { collector: right }]) => right !== 'never')

    expect([...AGENT_POLICY_NAMES].sort()).toEqual(given.map(([name]) => name).sort())
  })
})

describe('a document that is broken', () => {
  it('keeps, value by value, what it said before', () => {
    write(localFile, { deep: true, sweepIntervalSeconds: 120, watch: false })
    const { good } = loadAnyway(options())
    write(localFile, { deep: 'perhaps', sweepIntervalSeconds: 240, unheard: 1 })

    const loaded = loadAnyway(options({ kept: good }))

    expect(loaded.settings).toMatchObject({ deep: true, sweepIntervalSeconds: 240, watch: true })
    expect(loaded.troubles.map(({ place }) => place)).toEqual([`${localFile}: unheard`, `${localFile}: deep`])
    expect(loaded.good.file).toEqual(
      new Map<string, unknown>([
        ['sweepIntervalSeconds', 240],
        ['deep', true],
      ]),
    )
  })

  it('as a whole stands as it was', () => {
    write(managedFile, { privacyLevel: 'pseudonymous' })
    write(localFile, { deep: true })
    const { good } = loadAnyway(options())
    write(managedFile, '{')
    write(localFile, 'x')

    const loaded = loadAnyway(options({ kept: good }))

    expect(loaded.settings).toMatchObject({ deep: true, privacyLevel: 'pseudonymous' })
    expect(loaded.troubles.map(({ failure }) => failure.code)).toEqual([
      'GNO_SETTINGS_UNREADABLE',
      'GNO_SETTINGS_UNREADABLE',
    ])
  })

  it('and of which nothing is known may have asked for privacy: only counts leave', () => {
    write(localFile, '{')

    const blind = loadAnyway(options())
    write(managedFile, { privacyLevel: 'full' })
    const managed = loadAnyway(options())

    expect([blind.settings.privacyLevel, blind.settings.deep]).toEqual(['counts', false])
    expect(managed.settings.privacyLevel).toBe('full')
  })

  it.each(['{', '{ "privacyLevel": "secret" }'])(
    'however often: after %s only counts leave until it can be read',
    (text) => {
      write(localFile, text)
      const first = loadAnyway(options())
      write(localFile, '{ "deep":')
      const again = loadAnyway(options({ kept: first.good }))
      write(localFile, '{ "privacyLevel": "secrets" }')
      const third = loadAnyway(options({ kept: again.good }))
      write(localFile, {})
      const mended = loadAnyway(options({ kept: third.good }))

      expect([first, again, third, mended].map(({ settings }) => settings.privacyLevel)).toEqual([
        'counts',
        'counts',
        'counts',
        'full',
      ])
    },
  )

  it('with a privacy level that is none lets only counts leave', () => {
    write(localFile, { privacyLevel: 'pseudonymus' })

    const loaded = loadAnyway(options())

    expect(loaded.settings.privacyLevel).toBe('counts')
  })
})

const describeOwners = owner === null ? describe.skip : describe
describeOwners('managed policy', () => {
  it.each([
    ['its file', '', 'gnomon/managed/settings.json'],
    ['its folder', 'FOLDER/gnomon/managed ', 'gnomon/managed'],
    ['the folder above', 'FOLDER/gnomon ', 'gnomon'],
  ])('is not believed when others can write %s', (_what, named, place) => {
    write(managedFile, { deep: true })
    chmodSync(join(folder, place), 0o777)

    const loaded = loadAnyway(options())

    expect(loaded.settings.deep).toBe(false)
    const why = `${named.replace('FOLDER', folder)}can be written by others: this policy is not believed`
    expect(loaded.troubles.map(failureOf)).toEqual([
      { code: 'GNO_SETTINGS_UNREADABLE', detail: `${managedFile}: ${why}` },
    ])
    expect(loadSettings(options())).toMatchObject({ ok: false })
  })

  it('is not believed when it belongs to somebody else', () => {
    write(managedFile, { deep: true })

    const loaded = loadAnyway(options({ managed: { file: managedFile, owner: (owner ?? 0) + 1 } }))

    expect(loaded.settings.deep).toBe(false)
    expect(loaded.troubles[0]?.failure.detail).toContain('not to user')
  })

  it('is not read through a link', () => {
    write(join(folder, 'mine.json'), { deep: true })
    symlinkSync(join(folder, 'mine.json'), managedFile)

    const loaded = loadAnyway(options())

    expect([loaded.settings.deep, loaded.troubles[0]?.failure.code]).toEqual([false, 'GNO_SETTINGS_UNREADABLE'])
  })

  it('lies where the administrator of each system keeps such things', () => {
    const files = (['linux', 'darwin', 'win32'] as const).map(
      (platform) => managedPlaceOf({ platform, environment: { ProgramData: 'D:\\Data' } }).file,
    )

    expect(files).toEqual([
      '/etc/gnomon/managed/settings.json',
      '/Library/Application Support/Gnomon/managed/settings.json',
      'D:\\Data\\Gnomon\\managed\\settings.json',
    ])
  })
})

describe('the stamp of the files', () => {
  it('changes with an edit, a replacement, a removal and a change of rights', () => {
    const stamps = [stampSettings(options())]
    const note = () => stamps.push(stampSettings(options()))

    write(localFile, { deep: true })
    note()
    write(join(folder, 'next.json'), { deep: true })
    renameSync(join(folder, 'next.json'), localFile)
    note()
    write(managedFile, {})
    note()
    chmodSync(managedFile, 0o600)
    note()
    rmSync(localFile)
    note()

    expect(new Set(stamps).size).toBe(6)
    expect(stampSettings(options())).toBe(stamps[5])
  })
})
