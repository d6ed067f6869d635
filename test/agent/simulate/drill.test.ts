// What a fire drill promises where nothing can be run: its stages, its reasons, and that it leaves nothing behind.
import { closeSync, existsSync, mkdtempSync, openSync, readSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { failed, success } from '../../../contract/failure.ts'
import { type DrillOptions, runDrill } from '../../../agent/simulate/drill.ts'
import type { DrillSight, DrillTarget } from '../../../agent/simulate/drill-sight.ts'
import type { Decoy } from '../../../agent/simulate/write-decoy.ts'

let place = ''
let registered: Decoy[] = []

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gnomon-test-drill-'))
  registered = []
})
afterEach(() => rmSync(place, { recursive: true }))

/** Looks at the file that lies there, and answers as a collector that got the finding would. */
function lookAtFile(target: DrillTarget): DrillSight {
  const file = openSync(target.decoyPath, 'r')
  const magic = Buffer.alloc(4)
  readSync(file, magic, 0, 4, 0)
  closeSync(file)
  const artifactFound = magic.toString('latin1') === 'GGUF'
  const isSimulated = registered.some((decoy) => decoy.sha256 === target.decoy.sha256)
  const findingsAtCollector = artifactFound ? ['finding-1'] : []
  const nothingRuns = { runtimeFound: false, weightsMapped: false, listenerFound: false }
  return { artifactFound, ...nothingRuns, findingsAtCollector, isSimulated }
}

function options(changes: Partial<DrillOptions>): DrillOptions {
  return {
    place,
    nonce: 'nonce-1',
    withRuntime: true,
    referenceProgram: join(place, 'absent.js'),
    register: (decoy) => {
      registered.push(decoy)
      return success(undefined)
    },
    observe: (target) => Promise.resolve(success(lookAtFile(target))),
    onStage: () => undefined,
    timeoutMs: 30_000,
    signal: new AbortController().signal,
    now: () => new Date(),
    ...changes,
  }
}

describe('a drill without the reference runtime', () => {
  it('plants the file only, says so, sees its finding and leaves nothing', async () => {
    const report = await runDrill(options({}))

    expect(report.stages.map((stage) => `${stage.name}: ${stage.outcome}`)).toEqual([
      'planted: passed',
      'running: skipped',
      'weights found by content: passed',
      'process story: skipped',
      'listener: skipped',
      'findings at the collector: passed',
      'marked as simulated: passed',
      'cleaned up: passed',
    ])
    expect(report.passed).toBe(true)
    expect(report.stages[1]?.detail).toContain('not installed here')
    expect(readdirSync(place)).toEqual([])
  })

  it('tells every stage while it happens', async () => {
    const told: string[] = []

    const report = await runDrill(options({ onStage: (stage) => told.push(stage.name) }))

    expect(told).toEqual(report.stages.map((stage) => stage.name))
  })

  it('registers the decoy before it exists', async () => {
    let filesAtRegistration: string[] = []

    await runDrill(
      options({
        register: (decoy) => {
          registered.push(decoy)
          filesAtRegistration = readdirSync(place, { recursive: true }).map(String)
          return success(undefined)
        },
      }),
    )

    expect(filesAtRegistration.filter((name) => name.endsWith('quarterly-notes'))).toEqual([])
    expect(registered).toHaveLength(1)
  })

  it('plants nothing when the decoy cannot be registered', async () => {
    let wasObserved = false

    const report = await runDrill(
      options({
        register: () => failed('GNO_STATE_FULL', 'no space'),
        observe: () => {
          wasObserved = true
          return Promise.resolve(failed('GNO_INTERNAL', 'not reached'))
        },
      }),
    )

    expect(report.passed).toBe(false)
    expect(report.stages[0]).toMatchObject({ name: 'planted', outcome: 'failed' })
    expect(wasObserved).toBe(false)
    expect(readdirSync(place)).toEqual([])
  })

  it('keeps looking while the collector is down', async () => {
    let looks = 0

    const report = await runDrill(
      options({
        observe: (target) => {
          looks += 1
          return Promise.resolve(
            looks < 3 ? failed('GNO_DELIVERY_DOWN', 'connect ECONNREFUSED') : success(lookAtFile(target)),
          )
        },
      }),
    )

    expect(report.passed).toBe(true)
    expect(looks).toBe(3)
  })

  it('fails with the reason when its time is over, and still leaves nothing', async () => {
    const report = await runDrill(
      options({
        timeoutMs: 600,
        observe: () => Promise.resolve(failed('GNO_DELIVERY_DOWN', 'connect ECONNREFUSED')),
      }),
    )

    const finding = report.stages.find((stage) => stage.name === 'findings at the collector')
    expect(report.passed).toBe(false)
    expect(finding?.outcome).toBe('failed')
    expect(finding?.detail).toContain('GNO_DELIVERY_DOWN')
    expect(readdirSync(place)).toEqual([])
  })

  it('fails when the findings arrive without their mark', async () => {
    const report = await runDrill(
      options({
        timeoutMs: 600,
        observe: (target) => Promise.resolve(success({ ...lookAtFile(target), isSimulated: false })),
      }),
    )

    expect(report.stages.filter((stage) => stage.outcome === 'failed').map((stage) => stage.name)).toEqual([
      'marked as simulated',
    ])
  })

  it('removes everything when it is stopped, also while an observer hangs', async () => {
    const stop = new AbortController()
    let planted = ''

    const report = await runDrill(
      options({
        signal: stop.signal,
        observe: (target) => {
          planted = target.decoyPath
          setTimeout(() => stop.abort(), 10)
          return new Promise(() => undefined)
        },
      }),
    )

    expect(planted).not.toBe('')
    expect(existsSync(planted)).toBe(false)
    expect(readdirSync(place)).toEqual([])
    expect(report.passed).toBe(false)
    expect(report.stages.at(-1)).toMatchObject({ name: 'cleaned up', outcome: 'passed' })
  })

  it('removes everything when the observer breaks', async () => {
    const drill = runDrill(options({ observe: () => Promise.reject(new Error('broken observer')) }))

    await expect(drill).rejects.toThrow('broken observer')
    expect(readdirSync(place)).toEqual([])
  })

  it('writes nothing when it is stopped before it begins', async () => {
    const report = await runDrill(options({ signal: AbortSignal.abort() }))

    expect(report.passed).toBe(false)
    expect(readdirSync(place)).toEqual([])
  })

  it('says why a place cannot be used', async () => {
    const report = await runDrill(options({ place: join(place, 'absent') }))

    expect(report.stages).toHaveLength(1)
    expect(report.stages[0]).toMatchObject({ name: 'planted', outcome: 'failed' })
    expect(report.stages[0]?.detail).toContain('GNO_SIMULATION_FAILED')
  })
})
