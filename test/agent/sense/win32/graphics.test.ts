import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseCounterName } from '../../../../agent/sense/win32/counter-names.ts'
import { type WindowsGraphicsCapture, windowsGraphics } from '../../../../agent/sense/win32/graphics.ts'

const file = join(import.meta.dirname, '../../../corpus/sense/win32/graphics.json')
const { capture } = JSON.parse(readFileSync(file, 'utf8')) as { readonly capture: WindowsGraphicsCapture }
const RADEON = 'luid_0x00000000_0x0001532a_phys_0'
const NEURAL = 'luid_0x00000000_0x00019d9f_phys_0'
const interpret = (rows: readonly object[], askedAtMs = 2_000) =>
  windowsGraphics.interpret({ askedAtMs, printed: { text: rows.map((row) => JSON.stringify(row)).join('\r\n') } })
const CARD = { Kind: 'memory', Name: RADEON, DedicatedUsage: 100, SharedUsage: 0 }
const NAMED = { Kind: 'adapter', AdapterLuid: 86_826, Description: 'AMD', VendorId: 4098, DedicatedVideoMemory: 1_000 }
const START = { Kind: 'start', ProcessId: 7, CreationDate: '/Date(1000)/' }
const END = { Kind: 'end' }

describe('windowsGraphics', () => {
  it('tells cards by the LUID that counters and the registry share, and no program that draws', () => {
    const { observations } = windowsGraphics.interpret(capture)

    expect(observations.filter(({ kind }) => kind === 'gpu')).toMatchObject([
      { device: 'luid_0x00000000_0x00017099_phys_0', model: null, dedicated: { totalBytes: null, usedBytes: 0 } },
      {
        device: RADEON,
        driver: 'wddm',
        model: 'AMD Radeon(TM) 8060S Graphics',
        isUnified: null,
        dedicated: { totalBytes: 4_294_967_296, usedBytes: 1_016_832_000 },
        shared: { totalBytes: 68_378_820_608, usedBytes: 151_396_352 },
        // 71 and 33 on one engine: more than one engine can do.
        busyPercent: 100,
      },
      { device: NEURAL, driver: 'mcdm', shared: { usedBytes: 734_003_200 }, busyPercent: 64 },
    ])
  })

  it('tells what each process uses, by number and start, and nothing of one that uses nothing', () => {
    const { observations, gaps } = windowsGraphics.interpret(capture)

    const use = { kind: 'gpu-use', source: 'gpu-counters', unifiedBytes: null, busyNs: null }
    expect(observations.filter(({ kind }) => kind === 'gpu-use')).toMatchObject([
      {
        ...use,
        pid: 14904,
        startTicks: '1789820433377',
        device: RADEON,
        dedicatedBytes: 872_415_232,
        sharedBytes: 100_663_296,
        busyPercent: 71,
      },
      { ...use, pid: 5120, device: RADEON, dedicatedBytes: 61_440_000, busyPercent: 33 },
      { ...use, pid: 7012, device: NEURAL, driver: 'mcdm', dedicatedBytes: 0, sharedBytes: 734_003_200 },
    ])
    expect(gaps.map(({ code, count }) => [code, count])).toEqual([
      ['GNO_SENSE_FAILED', 2],
      ['GNO_SENSE_VANISHED', 1],
    ])
  })

  it('does not take a process that took over a number for the one that was counted', () => {
    const use = { Kind: 'use', Name: `pid_7_${RADEON}`, DedicatedUsage: 50, SharedUsage: 0 }

    const young = { ...START, CreationDate: '/Date(3000)/' }
    const { observations, gaps } = interpret([CARD, NAMED, use, young, END])

    expect(observations.map(({ kind }) => kind)).toEqual(['gpu'])
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_VANISHED', count: 1 }])
  })

  it('says null with a gap for a size that cannot be, or was not told', () => {
    const more = { Kind: 'use', Name: `pid_7_${RADEON}`, DedicatedUsage: 5_000, SharedUsage: 0 }
    const less = { Kind: 'use', Name: `pid_7_${RADEON}`, DedicatedUsage: 18_446_744_073_709_551_615n.toString() }

    for (const use of [more, less]) {
      const { observations, gaps } = interpret([CARD, NAMED, use, START, END])
      expect(observations[1]).toMatchObject({ kind: 'gpu-use', pid: 7, dedicatedBytes: null, busyPercent: null })
      expect(gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED' }])
    }
  })

  it('says that there are no counters, not that nothing is used', () => {
    const code = 'HRESULT 0x80041010,Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand'
    const parts = ['memory', 'use', 'engine'].map((Part) => ({ Kind: 'trouble', Part, Code: code }))

    const { observations, gaps } = interpret([...parts, START, END])

    expect(observations).toEqual([])
    expect(gaps.map(({ code: each, detail }) => [each, detail.includes('0x80041010')])).toEqual([
      ['GNO_SENSE_FAILED', true],
      ['GNO_SENSE_FAILED', true],
      ['GNO_SENSE_FAILED', true],
    ])
  })

  it('is bounded when counters tell of thousands of adapters', () => {
    const many = Array.from({ length: 3_000 }, (_, index) => ({
      ...CARD,
      Name: `luid_0x00000000_0x${index.toString(16).padStart(8, '0')}_phys_0`,
    }))

    const { observations, gaps } = interpret([...many, END])

    expect(observations).toHaveLength(64)
    expect(gaps).toContainEqual(expect.objectContaining({ code: 'GNO_SENSE_LIMIT', count: 3_000 - 64 }))
  })
})

describe('parseCounterName', () => {
  it('reads the three forms', () => {
    expect(parseCounterName('pid_812_LUID_0x00000000_0x0000C9A5_phys_0_eng_3_engtype_Compute 1')).toEqual({
      pid: 812,
      device: 'luid_0x00000000_0x0000c9a5_phys_0',
      engine: { index: 3, type: 'compute 1' },
    })
    expect(parseCounterName('pid_812_luid_0x00000000_0x0000C9A5_phys_0')).toMatchObject({ pid: 812, engine: null })
    expect(parseCounterName('luid_0x00000000_0x0000C9A5_phys_0')).toMatchObject({ pid: null, engine: null })
  })

  it.each([
    '_Total',
    '',
    'pid_x_luid_0x0_0x1_phys_0',
    'pid_1_luid_0x00000000_0x0000C9A5',
    'pid_12345678901_luid_0x00000000_0x0000C9A5_phys_0',
  ])('takes %j for another name', (name) => {
    expect(parseCounterName(name)).toBeNull()
  })
})
