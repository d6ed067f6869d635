// How much of the machine a whole sweep may take, by what is around; and where the battery is read.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { paceShare, type Surroundings } from '../../agent/guest-pace.ts'
import { saysBattery, supplyDischarges } from '../../agent/sense/power-supply.ts'
import { makeFolder, removeFolder } from './report/sample-sweep.ts'

const CALM: Surroundings = { loadPerCore: 0.2, isOnBattery: false, signs: [], isDiskLow: false }

describe('the share of whole sweeps', () => {
  it.each<[string, Parameters<typeof paceShare>[0], Surroundings, number]>([
    ['is below 5 % of all cores', { pace: 'guest', limits: 'normal' }, CALM, 0.04],
    ['stays under tighter limits', { pace: 'guest', limits: 'restrictive' }, CALM, 0.0375],
    ['is half under load', { pace: 'guest', limits: 'normal' }, { ...CALM, loadPerCore: 1.5 }, 0.02],
    ['is a quarter on battery', { pace: 'guest', limits: 'normal' }, { ...CALM, isOnBattery: true }, 0.01],
    [
      'is a quarter on battery under load',
      { pace: 'guest', limits: 'normal' },
      { ...CALM, loadPerCore: 3, isOnBattery: true },
      0.01,
    ],
    ['is a quarter in a call', { pace: 'guest', limits: 'normal' }, { ...CALM, signs: ['a camera in use'] }, 0.01],
    ['is a quarter on a full disk', { pace: 'guest', limits: 'normal' }, { ...CALM, isDiskLow: true }, 0.01],
    [
      'is what the supervisor bears, for who is no guest',
      { pace: 'full', limits: 'normal' },
      { loadPerCore: 3, isOnBattery: true, signs: ['a camera in use'], isDiskLow: true },
      0.075,
    ],
    ['is three quarters of a machine without limits', { pace: 'full', limits: 'off' }, CALM, 0.75],
  ])('%s', (_what, settings, around, ofAllCores) => {
    expect(paceShare(settings, around, 8)).toBeCloseTo(ofAllCores * 8, 6)
  })
})

describe('the battery', () => {
  let folder = ''
  beforeEach(() => {
    folder = makeFolder()
  })
  afterEach(() => removeFolder(folder))

  function supply(name: string, words: Readonly<Record<string, string>>): void {
    mkdirSync(join(folder, name))
    for (const [word, value] of Object.entries(words)) writeFileSync(join(folder, name, word), `${value}\n`)
  }

  it('is in use when it is being emptied', () => {
    supply('AC', { type: 'Mains', online: '0' })
    supply('BAT0', { type: 'Battery', status: 'Discharging', scope: 'System' })

    expect(supplyDischarges(folder)).toBe(true)
  })

  it('is not in use while it is charged, and a mouse is no battery of the machine', () => {
    supply('BAT0', { type: 'Battery', status: 'Charging' })
    supply('hidpp_battery_0', { type: 'Battery', status: 'Discharging', scope: 'Device' })

    expect(supplyDischarges(folder)).toBe(false)
    expect(supplyDischarges(join(folder, 'nothing'))).toBe(false)
  })

  it('is told by pmset as its manual shows', () => {
    expect(saysBattery("Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t81%; discharging;")).toBe(true)
    expect(saysBattery("Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged;")).toBe(false)
  })
})
