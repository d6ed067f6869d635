import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { loadAnyway, type LoadSettingsOptions, loadSettings } from '../../../agent/settings/load-settings.ts'
import { renderSettingsReference } from '../../../agent/settings/reference.ts'
import { SETTINGS } from '../../../agent/settings/settings.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-settings-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function load(change: Partial<LoadSettingsOptions> = {}) {
  return loadSettings({ environment: {}, platform: 'linux', homeFolder: folder, isRoot: false, ...change })
}

function write(value: unknown): string {
  const file = join(folder, 'settings.json')
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
  return file
}

describe('settings', () => {
  it('are all default where there is no file', () => {
    const result = load()

    expect(result).toEqual({
      ok: true,
      value: {
        settings: {
          collectorUrl: null,
          stateFolder: join(folder, '.local/state/gnomon'),
          roots: [],
          excludes: [],
          sweepIntervalSeconds: 3600,
          processIntervalSeconds: 10,
          fullSweepIntervalSeconds: 86_400,
          maxRulesAgeDays: 180,
          rescanIntervalSeconds: 30,
          watch: true,
          approvals: [],
          maxSpoolBytes: 1_073_741_824,
          deep: false,
          hashBytesPerSecond: 50_000_000,
          labelledFolders: [],
          limits: 'normal',
          metrics: 'off',
          pace: 'guest',
          separateReader: 'auto',
          startSpreadSeconds: 300,
          privacyLevel: 'full',
          pseudonymKeyFile: null,
        },
        file: null,
        sources: new Map(),
        ignored: [],
        troubles: [],
        good: { managed: new Map(), collector: new Map(), file: new Map() },
      },
    })
  })

  it('come from the file, and the command line wins over it', () => {
    const file = write({ $schema: 'x', deep: true, sweepIntervalSeconds: 120, roots: ['/srv'] })

    const result = load({ file, overrides: { sweepIntervalSeconds: '300', stateFolder: '/tmp/state' } })

    expect(result).toMatchObject({
      ok: true,
      value: {
        file,
        settings: { deep: true, sweepIntervalSeconds: 300, roots: ['/srv'], stateFolder: '/tmp/state' },
        ignored: ['$schema'],
      },
    })
    expect(result.ok && result.value.sources).toEqual(
      new Map([
        ['stateFolder', 'override'],
        ['roots', 'file'],
        ['sweepIntervalSeconds', 'override'],
        ['deep', 'file'],
      ]),
    )
  })

  it('are looked for where the user keeps them', () => {
    mkdirSync(join(folder, 'gnomon'))
    writeFileSync(join(folder, 'gnomon/settings.json'), '{"deep": true}')

    const result = load({ environment: { XDG_CONFIG_HOME: folder } })

    expect(result).toMatchObject({ ok: true, value: { settings: { deep: true } } })
  })

  it('name the state folder of root, of a user, and of one who moved it', () => {
    const folders = [
      load({ isRoot: true, file: write({}) }),
      load({ environment: { XDG_STATE_HOME: '/data/state' } }),
      load({ environment: { XDG_STATE_HOME: 'relative' } }),
    ].map((result) => (result.ok ? result.value.settings.stateFolder : ''))

    expect(folders).toEqual(['/var/lib/gnomon', '/data/state/gnomon', join(folder, '.local/state/gnomon')])
  })

  it('label folders by normalized absolute paths', () => {
    const file = write({ labelledFolders: [{ path: '/srv//records/../patients', label: 'Patients (Art. 9)' }] })

    const result = load({ file })

    expect(result).toMatchObject({
      ok: true,
      value: { settings: { labelledFolders: [{ path: '/srv/patients', label: 'Patients (Art. 9)' }] } },
    })
  })

  it('follow the path rules of the system that is asked for', () => {
    const file = write({ roots: ['D:\\models'], stateFolder: 'C:\\ProgramData\\Gnomon' })

    const onWindows = load({ file, platform: 'win32', homeFolder: 'C:\\Users\\ada' })
    const onLinux = load({ file })

    expect(onWindows).toMatchObject({ ok: true, value: { settings: { roots: ['D:\\models'] } } })
    expect(onLinux).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_INVALID' } })
  })
})

describe('a bad setting', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['collectorUrl', 'http://collector.example'],
    ['collectorUrl', 5],
    ['stateFolder', 'relative'],
    ['stateFolder', '/a\0b'],
    ['roots', ['relative']],
    ['roots', [1]],
    ['roots', {}],
    ['roots', Array.from({ length: 2000 }, () => '/a')],
    ['excludes', ['a/b']],
    ['sweepIntervalSeconds', 59],
    ['sweepIntervalSeconds', 1e12],
    ['sweepIntervalSeconds', 100.5],
    ['sweepIntervalSeconds', '1e3'],
    ['processIntervalSeconds', 0],
    ['watch', 'yes'],
    ['watch', 1],
    ['approvals', [{ kind: 'sha256', value: 'ABC', reason: '' }]],
    ['approvals', [{ kind: 'name', value: 'x', reason: '' }]],
    ['approvals', [{ kind: 'family', value: '', reason: '' }]],
    ['approvals', 'all'],
    ['maxSpoolBytes', 10],
    ['sweepIntervalSeconds', '300'],
    ['deep', 'true'],
    ['privacyLevel', 'none'],
    ['pseudonymKeyFile', 'key'],
    ['deep', null],
    ['labelledFolders', '/srv/patients'],
    ['labelledFolders', [{ path: 'patients', label: 'x' }]],
    ['labelledFolders', [{ path: '/srv/patients' }]],
    ['labelledFolders', [{ path: '/srv/patients', label: ' ' }]],
    ['labelledFolders', [{ path: '/srv/patients', label: 'a\u202eb' }]],
    ['labelledFolders', [{ path: '/srv/patients', label: 'x', files: true }]],
    ['labelledFolders', Array.from({ length: 33 }, () => ({ path: '/a', label: 'x' }))],
  ]
  for (const [name, value] of rows) {
    it(`${name} = ${JSON.stringify(value).slice(0, 60)} is one line that names file, setting and what was expected`, () => {
      const file = write({ [name]: value })

      const result = load({ file })

      expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_INVALID' } })
      const detail = result.ok ? '' : result.failure.detail
      expect(detail).toContain(`${file}: ${name}: expected `)
      expect(detail).not.toContain('\n')
    })
  }

  it('that is a number or a switch in quotes says so', () => {
    const told = (value: unknown): string => {
      const result = load({ file: write(value) })
      return result.ok ? '' : result.failure.detail
    }

    expect(told({ sweepIntervalSeconds: '300' })).toMatch(/; "300" is a text: write 300, without quotes$/)
    expect(told({ deep: 'true' })).toMatch(/; "true" is a text: write true, without quotes$/)
    expect(told({ sweepIntervalSeconds: '1' })).not.toContain('without quotes')
  })

  it('is told with its file and its name once each', () => {
    const file = write({ pace: 'gallop' })
    const loaded = loadAnyway({ environment: {}, platform: 'linux', homeFolder: folder, isRoot: false, file })
    const [trouble] = loaded.troubles
    const one = `${trouble?.place}: ${trouble?.failure.detail}`

    expect([one.split(file).length, one.split('pace').length]).toEqual([2, 2])
    expect(load({ file })).toMatchObject({ ok: false, failure: { detail: one } })
  })

  it('on the command line is told as such', () => {
    const result = load({ overrides: { sweepIntervalSeconds: 'soon' } })

    expect(result.ok ? '' : result.failure.detail).toMatch(/^command line: sweepIntervalSeconds: expected/)
  })

  it('with an unknown name is refused with the nearest known one', () => {
    const nearest = ['exclude', 'colectorURL', 'statefolder', 'constructor', 'intervalSeconds'].map((name) => {
      const result = load({ file: write({ [name]: 1 }) })
      return result.ok ? '' : result.failure.detail.replace(/^.*nearest is /, '')
    })

    expect(nearest.slice(0, 3)).toEqual(['"excludes"', '"collectorUrl"', '"stateFolder"'])
    for (const name of nearest) expect(name).toMatch(/^"[a-zA-Z]+"$/)
  })
})

describe('a bad settings file', () => {
  it('that was named and is not there is an error', () => {
    const result = load({ file: join(folder, 'absent.json') })

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_UNREADABLE' } })
  })

  for (const text of ['', '{', '[]', 'null', '"x"', '{"deep": true,}', '\u0000\u0001']) {
    it(`that holds ${JSON.stringify(text)} is an error of one line`, () => {
      const result = load({ file: write(text) })

      expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_UNREADABLE' } })
      expect(result.ok ? '' : result.failure.detail).not.toContain('\n')
    })
  }

  it('that begins with a byte-order mark is read', () => {
    const result = load({ file: write('\ufeff{"deep": true}') })

    expect(result).toMatchObject({ ok: true, value: { settings: { deep: true } } })
  })

  it('that is endless, a folder or a FIFO is refused at once', () => {
    const huge = write('')
    truncateSync(huge, 9 * 1024 * 1024 * 1024)
    const fifo = join(folder, 'fifo')
    execFileSync('/usr/bin/mkfifo', [fifo])

    const results = [huge, folder, fifo].map((file) => load({ file }))

    for (const result of results)
      expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_UNREADABLE' } })
  })
})

describe('docs/settings.md', () => {
  const file = join(import.meta.dirname, '../../../docs/settings.md')
  if (process.env['GNOMON_WRITE_GOLDEN'] === '1') writeFileSync(file, renderSettingsReference())

  it('is what the table says', () => {
    expect(readFileSync(file, 'utf8')).toBe(renderSettingsReference())
  })

  it('names every setting, with what is expected of it', () => {
    const text = renderSettingsReference()

    for (const [name, spec] of Object.entries(SETTINGS)) {
      expect(text).toContain(`\`${name}\``)
      expect(text).toContain(spec.expected.replaceAll('|', '\\|'))
    }
  })
})
