// Every sensor keeps the promises of STYLE.md section 4. A new sensor needs a line in REPLAYS, and this suite says so.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type DarwinGraphicsCapture, darwinGraphics } from '../../agent/sense/darwin/graphics.ts'
import { type DarwinListenerCapture, darwinListeners } from '../../agent/sense/darwin/listeners.ts'
import { type DarwinProcessCapture, darwinProcesses } from '../../agent/sense/darwin/processes.ts'
import { type HostCapture, hostInventory } from '../../agent/sense/host-inventory.ts'
import { linuxGraphics } from '../../agent/sense/linux/graphics.ts'
import type { GraphicsCapture } from '../../agent/sense/linux/graphics-use.ts'
import { type ListenerCapture, linuxListeners } from '../../agent/sense/linux/listeners.ts'
import { linuxNvidia, type NvidiaCapture } from '../../agent/sense/linux/nvidia.ts'
import { processViews, type ViewCapture } from '../../agent/sense/linux/process-views.ts'
import type { ProcCapture } from '../../agent/sense/linux/proc-record.ts'
import { linuxProcesses } from '../../agent/sense/linux/processes.ts'
import { type WindowsGraphicsCapture, windowsGraphics } from '../../agent/sense/win32/graphics.ts'
import { type WindowsListenersCapture, windowsListeners } from '../../agent/sense/win32/listeners.ts'
import { type WindowsProcessesCapture, windowsProcesses } from '../../agent/sense/win32/processes.ts'
import { RARE_SENSORS, SENSORS, runSensors, touchedPlaces, unsupported } from '../../agent/sense/sensors.ts'
import { FAILURES } from '../../contract/failure.ts'
import type { Interpretation } from '../../contract/observation.ts'
import { coverageSchema } from '../../contract/report.ts'
import { gapSchema } from '../../contract/wire.ts'

const corpus = join(import.meta.dirname, '../corpus/sense')
const replayProcesses = (text: string) =>
  linuxProcesses.interpret((JSON.parse(text) as { readonly capture: ProcCapture }).capture)
const replayListeners = (text: string) =>
  linuxListeners.interpret((JSON.parse(text) as { readonly capture: ListenerCapture }).capture)
const replayHost = (text: string) =>
  hostInventory.interpret((JSON.parse(text) as { readonly capture: HostCapture }).capture)
const replayGraphics = (text: string) =>
  linuxGraphics.interpret((JSON.parse(text) as { readonly capture: GraphicsCapture }).capture)
const replayNvidia = (text: string) =>
  linuxNvidia.interpret((JSON.parse(text) as { readonly capture: NvidiaCapture }).capture)
const replayViews = (text: string) =>
  processViews.interpret((JSON.parse(text) as { readonly capture: ViewCapture }).capture)
const replayWindowsProcesses = (text: string) =>
  windowsProcesses.interpret((JSON.parse(text) as { readonly capture: WindowsProcessesCapture }).capture)
const replayWindowsListeners = (text: string) =>
  windowsListeners.interpret((JSON.parse(text) as { readonly capture: WindowsListenersCapture }).capture)
const replayWindowsGraphics = (text: string) =>
  windowsGraphics.interpret((JSON.parse(text) as { readonly capture: WindowsGraphicsCapture }).capture)
const replayDarwinProcesses = (text: string) =>
  darwinProcesses.interpret((JSON.parse(text) as { readonly capture: DarwinProcessCapture }).capture)
const replayDarwinListeners = (text: string) =>
  darwinListeners.interpret((JSON.parse(text) as { readonly capture: DarwinListenerCapture }).capture)
const replayDarwinGraphics = (text: string) =>
  darwinGraphics.interpret((JSON.parse(text) as { readonly capture: DarwinGraphicsCapture }).capture)

const REPLAYS: readonly (readonly [id: string, file: string, interpret: (text: string) => Interpretation])[] = [
  ['linux-processes', 'linux/processes.json', replayProcesses],
  ['linux-processes', 'linux/processes-unprivileged.json', replayProcesses],
  ['linux-listeners', 'linux/listeners.json', replayListeners],
  ['host-inventory', 'any/host.json', replayHost],
  ['linux-graphics', 'linux/graphics.json', replayGraphics],
  ['linux-nvidia', 'linux/nvidia.json', replayNvidia],
  ['process-views', 'linux/process-views.json', replayViews],
  ['win32-processes', 'win32/processes.json', replayWindowsProcesses],
  ['win32-processes', 'win32/processes-hostile.json', replayWindowsProcesses],
  ['win32-listeners', 'win32/listeners.json', replayWindowsListeners],
  ['win32-graphics', 'win32/graphics.json', replayWindowsGraphics],
  ['darwin-processes', 'darwin/processes.json', replayDarwinProcesses],
  ['darwin-listeners', 'darwin/listeners.json', replayDarwinListeners],
  ['darwin-graphics', 'darwin/graphics.json', replayDarwinGraphics],
]
const OWN_WORDS = new Set(['denied', 'limits', 'owner'])
const read = (file: string) => readFileSync(join(corpus, file), 'utf8')

/** Cuts every text of a capture to a share of its length; words of our own (what was denied, which limit) stay. */
function cut(value: unknown, share: number): unknown {
  if (typeof value === 'string') return value.slice(0, Math.floor(value.length * share))
  if (Array.isArray(value)) return value.map((member) => cut(member, share))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, OWN_WORDS.has(key) ? member : cut(member, share)]),
  )
}

describe.each(REPLAYS)('%s on %s', (_id, file, interpret) => {
  it('comes with a line on its origin', () => {
    const { origin } = JSON.parse(read(file)) as { readonly origin?: unknown }

    expect(String(origin).length).toBeGreaterThan(20)
  })

  it('sees something, and the same every time', () => {
    const first = interpret(read(file))

    expect(first.observations.length).toBeGreaterThan(0)
    expect(interpret(read(file))).toEqual(first)
  })

  it('never throws on texts cut anywhere, and what it says stays well-formed', () => {
    const whole: unknown = JSON.parse(read(file))

    for (let part = 0; part < 400; part += 1) {
      const { gaps } = interpret(JSON.stringify(cut(whole, part / 400)))
      for (const gap of gaps) expect(gapSchema.safeParse(gap).success).toBe(true)
    }
  })

  it('tells only gaps of the catalogue', () => {
    for (const gap of interpret(read(file)).gaps) expect(Object.keys(FAILURES)).toContain(gap.code)
  })
})

describe('the list of sensors', () => {
  it('has a capture for each', () => {
    const replayed = new Set(REPLAYS.map(([id]) => id))

    const ids = [...SENSORS, ...RARE_SENSORS].map((sensor) => sensor.id)

    expect(ids.filter((id) => !replayed.has(id))).toEqual([])
  })

  it('declares what each touches and collects, in words', () => {
    for (const { id, touches, collects } of touchedPlaces()) {
      expect([id, touches.length > 0, collects.length > 0]).toEqual([id, true, true])
    }
  })

  it('has ids of its own', () => {
    const ids = [...SENSORS, ...RARE_SENSORS].map((sensor) => sensor.id)

    expect(new Set(ids).size).toBe(ids.length)
  })

  it('says of a system without a sensor that nobody looked', () => {
    const outcome = unsupported({ id: 'linux-processes' }, 'darwin')

    expect(coverageSchema.parse(outcome.coverage).state).toBe('unsupported')
    expect(outcome.gaps).toMatchObject([{ code: 'GNO_SENSE_UNSUPPORTED', place: 'linux-processes' }])
  })

  it('says how much a sensor saw, also when nothing was in its way', async () => {
    const context = { signal: new AbortController().signal, now: () => new Date(0) }
    const sense = () => Promise.resolve(replayHost(read('any/host.json')))
    const replayed = { id: 'host-inventory', platform: 'any', touches: [], collects: [], sense } as const

    const [outcome] = await runSensors([replayed], 'linux', context)

    expect(outcome?.coverage).toMatchObject({ state: 'complete', looked: 1, detail: '1 seen' })
  })

  it('runs no Linux sensor elsewhere, and tells of those without a counterpart there', async () => {
    const context = { signal: AbortSignal.abort(), now: () => new Date(0) }
    const elsewhere = [...SENSORS, ...RARE_SENSORS].filter(({ platform }) => platform === 'linux' || platform === 'any')

    const outcomes = await runSensors(elsewhere, 'win32', context)

    expect(outcomes.map((outcome) => [outcome.coverage.sensor, outcome.coverage.state])).toEqual([
      ['host-inventory', 'partial'],
      ['process-views', 'unsupported'],
      ['linux-nvidia', 'unsupported'],
    ])
  })

  it('runs no sensor of another system on Linux, and misses none there', async () => {
    const context = { signal: AbortSignal.abort(), now: () => new Date(0) }
    const foreign = [...SENSORS, ...RARE_SENSORS].filter(
      ({ platform }) => platform === 'win32' || platform === 'darwin',
    )

    expect(foreign.length).toBeGreaterThan(0)
    expect(await runSensors(foreign, 'linux', context)).toEqual([])
  })
})
