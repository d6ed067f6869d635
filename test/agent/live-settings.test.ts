// Settings that change while the daemon runs: from files, and from a real collector.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createLiveSettings, type LiveSettings } from '../../agent/live-settings.ts'
import { enroll } from '../../agent/report/enroll.ts'
import { openConditions } from '../../agent/report/own-conditions.ts'
import type { StateStore } from '../../agent/report/state-store.ts'
import { loadAnyway, type LoadSettingsOptions } from '../../agent/settings/load-settings.ts'
import { type Settings, SETTINGS } from '../../agent/settings/settings.ts'
import type { Gap } from '../../contract/wire.ts'
import { settingsPlacesIn } from '../../agent/session.ts'
import { realPack } from '../rules/real-pack.ts'
import { startCollector } from '../collector/running-collector.ts'
import { createClock, openTestState, valueOf } from './report/sample-sweep.ts'

let folder = ''
let file = ''
let state: StateStore
let troubles: Gap[] = []
let applied: (readonly (readonly string[])[])[] = []
const clock = createClock()
const signal = new AbortController().signal
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-live-'))
  file = join(folder, 'settings.json')
  write({})
  state = openTestState(join(folder, 'state'))
  troubles = []
  applied = []
})
afterEach(() => {
  state.close()
  rmSync(folder, { recursive: true, force: true })
})

function write(value: unknown): void {
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
}

function live(): LiveSettings {
  const places: LoadSettingsOptions = {
    environment: {},
    platform: 'linux',
    homeFolder: folder,
    isRoot: false,
    file,
    managed: { file: join(folder, 'managed.json'), owner: null },
  }
  const loaded = loadAnyway(settingsPlacesIn(state, places))
  return createLiveSettings(
    { settings: loaded.settings, loaded, pack: realPack, state, hostId: 'hst1:x' },
    {
      places,
      context: { hostName: 'desk-7', platform: 'linux', now: clock.now, signal },
      fetch: globalThis.fetch,
      onTrouble: (gap) => troubles.push(gap),
      onApplied: (now, later) => applied.push([now, later]),
    },
  )
}

const appliesAt = (name: string): string | undefined =>
  Object.entries(SETTINGS).find(([each]) => each === name)?.[1].applies

const conditions = () => openConditions(state).list()

describe('live settings', () => {
  it('tell once which of them changed, and which wait for the next start', () => {
    const { look } = live()

    write({ processIntervalSeconds: 5, limits: 'restrictive' })
    look()
    write({ processIntervalSeconds: 5, limits: 'restrictive', $comment: 'nothing that counts' })
    look()

    expect(applied).toEqual([[['processIntervalSeconds'], ['limits']]])
  })

  it('are what the file says now, and ask for a sweep when what is looked at changed', () => {
    const { settings, look, isWholeDue, onChange } = live()
    let changes = 0
    onChange(() => (changes += 1))

    write({ processIntervalSeconds: 5 })
    const seen = [[look(), settings.processIntervalSeconds, isWholeDue(), changes]]
    write({ processIntervalSeconds: 5, excludes: ['node_modules'] })
    seen.push([look(), settings.processIntervalSeconds, isWholeDue(), changes])
    seen.push([look(), settings.processIntervalSeconds, isWholeDue(), changes])

    expect(seen).toEqual([
      [true, 5, false, 0],
      [true, 5, true, 1],
      [false, 5, false, 1],
    ])
    expect({ ...settings }.excludes).toEqual(['node_modules'])
  })

  it('hold what a change of applies at the next start, and follow everything else', () => {
    const others: Readonly<Partial<Record<keyof Settings, unknown>>> = {
      collectorUrl: 'https://other.example',
      stateFolder: '/elsewhere',
      fullSweepIntervalSeconds: 77,
      rescanIntervalSeconds: 77,
      processIntervalSeconds: 77,
      sweepIntervalSeconds: 77,
      maxSpoolBytes: 7_000_000,
      hashBytesPerSecond: 7_000_000,
      limits: 'restrictive',
      metrics: 'file',
      pace: 'full',
      watch: false,
      deep: true,
      startSpreadSeconds: 7,
    }
    const { settings, look, isSet } = live()
    const present = (): readonly (readonly [string, unknown])[] =>
      Object.entries({ ...settings }).filter(([name]) => name in others)
    const before = new Map(present())
    expect(isSet('hashBytesPerSecond')).toBe(false)
    write(others)
    look()

    const changed = present().filter(([name, value]) => value !== before.get(name))
    const awaited = Object.entries(others).filter(([name]) => appliesAt(name) === 'next turn')
    expect(new Map(changed)).toEqual(new Map(awaited))
    expect(isSet('hashBytesPerSecond')).toBe(true)
  })

  it('keep the last good value of one that is broken, tell it once, and are silent when it is mended', () => {
    write({ deep: true })
    const { settings, look } = live()

    write({ deep: 'perhaps', processIntervalSeconds: 7 })
    look()
    write({ deep: 'perhaps', processIntervalSeconds: 8 })
    look()
    const broken = [
      settings.deep,
      settings.processIntervalSeconds,
      conditions().map(({ code, place }) => [code, place]),
    ]
    write({ deep: false })
    look()

    expect(broken).toEqual([true, 8, [['GNO_SETTINGS_INVALID', `${file}: deep`]]])
    expect(troubles.map(({ place }) => place)).toEqual([`${file}: deep`])
    expect([settings.deep, conditions()]).toEqual([false, []])
  })

  it('survive a start with a broken file', () => {
    write({ deep: true, privacyLevel: 'full' })
    live()
    write('{')

    const { settings } = live()

    expect([settings.deep, settings.privacyLevel]).toEqual([true, 'full'])
    expect(conditions().map(({ code }) => code)).toEqual(['GNO_SETTINGS_UNREADABLE'])
  })

  it('raise the privacy of the state at once, and tell counts alone where the key is missing', () => {
    const { look } = live()

    write({ privacyLevel: 'pseudonymous' })
    look()

    expect(state.concealment.mark).toEqual({ level: 'counts', key: null })
    expect(conditions()).toMatchObject([{ code: 'GNO_AGENT_PRIVACY_KEY', place: 'privacyLevel' }])
    expect(troubles).toMatchObject([{ code: 'GNO_AGENT_PRIVACY_KEY', sensor: 'agent' }])
    const key = join(folder, 'key')
    writeFileSync(key, 'k'.repeat(40), { mode: 0o600 })
    write({ privacyLevel: 'pseudonymous', pseudonymKeyFile: key })
    look()
    expect(state.concealment.mark.level).toBe('pseudonymous')
    expect(conditions()).toEqual([])
  })

  it('take up a key that appears, and tell counts alone as soon as it cannot be used any more', () => {
    const key = join(folder, 'key')
    write({ privacyLevel: 'pseudonymous', pseudonymKeyFile: key })
    const { look, isWholeDue } = live()
    const seen: unknown[] = []
    const note = (): void => {
      const codes = conditions().map(({ code }) => code)
      seen.push([look(), state.concealment.mark.level, isWholeDue(), codes, conditions().map(({ code }) => code)])
    }

    note()
    writeFileSync(key, 'k'.repeat(40), { mode: 0o600 })
    note()
    note()
    const first = state.concealment.mark.key
    writeFileSync(key, 'l'.repeat(40))
    note()
    const second = state.concealment.mark.key
    chmodSync(key, 0o644)
    note()
    chmodSync(key, 0o600)
    note()
    rmSync(key)
    note()

    const lost = ['GNO_AGENT_PRIVACY_KEY']
    expect(seen).toEqual([
      [false, 'counts', false, lost, lost],
      [true, 'pseudonymous', true, lost, []],
      [false, 'pseudonymous', false, [], []],
      [true, 'pseudonymous', true, [], []],
      [true, 'counts', true, [], lost],
      [true, 'pseudonymous', true, lost, []],
      [true, 'counts', true, [], lost],
    ])
    expect(first).not.toBe(second)
    expect(troubles.map(({ code }) => code)).toEqual([...lost, ...lost, ...lost])
  })

  it('take over the policy of the collector after a delivery, at most every five minutes', async () => {
    const policy = join(folder, 'policy.json')
    writeFileSync(policy, JSON.stringify({ processIntervalSeconds: 30, privacyLevel: 'counts' }))
    const collector = await startCollector(join(folder, 'collector'), { agentPolicy: policy })
    const token = await collector.enrolmentToken()
    valueOf(
      await enroll(state, { collectorUrl: collector.url, token, hostId: 'hst1:x', hostName: 'desk-7', fetch, signal }),
    )
    const { settings, afterDelivery } = live()
    const told: unknown[] = []
    const deliver = async () => {
      await afterDelivery({ kind: 'delivered', delivered: 1 })
      told.push([settings.processIntervalSeconds, settings.privacyLevel])
    }

    await deliver()
    writeFileSync(policy, JSON.stringify({ processIntervalSeconds: 60 }))
    await deliver()
    clock.advance(300_000)
    await deliver()
    writeFileSync(policy, '{')
    clock.advance(300_000)
    await deliver()
    const restarted = live().settings.processIntervalSeconds
    await collector.stop()

    expect(told).toEqual([
      [30, 'counts'],
      [30, 'counts'],
      [60, 'full'],
      [60, 'full'],
    ])
    expect(restarted).toBe(60)
    expect(collector.logged.join('\n')).toContain('agent policy cannot be used')
  })
})

describe('the route of the policy', () => {
  it('answers with a tag, and with nothing to who knows it', async () => {
    const collector = await startCollector(join(folder, 'collector'))
    const token = await collector.enrol()
    const ask = (headers: Record<string, string>) => fetch(`${collector.url}/api/v1/agent/policy`, { headers })

    const stranger = await ask({})
    const first = await ask({ authorization: `Bearer ${token}` })
    const etag = first.headers.get('etag') ?? ''
    const second = await ask({ authorization: `Bearer ${token}`, 'if-none-match': etag })
    await collector.stop()

    expect([stranger.status, first.status, second.status]).toEqual([401, 200, 304])
    expect([await first.json(), etag]).toEqual([{ settings: {} }, expect.stringMatching(/^"[0-9a-f]{64}"$/)])
  })
})
