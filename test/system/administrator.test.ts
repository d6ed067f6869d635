// What an administrator sees of a real daemon: status and doctor on one screen each, while it runs and after its worker was killed,
// and its figures on a Unix socket.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { gnomon, until } from './programs.ts'
import { type Places, placesIn, processesNaming, startSupervised } from './supervised-daemon.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: watches are counted on Linux only')

/** Nobody is ended for what a crowded machine makes of it. */
const wide = {
  memoryBytes: 1024 ** 3,
  processorPercent: 100,
  forSeconds: 600,
  graceSeconds: 600,
  respawnSeconds: 1,
}
const told = z.object({
  life: z.object({
    work: z.object({
      watches: z.object({ placed: z.number(), isWhole: z.boolean() }),
      rescan: z.object({ folders: z.number(), restMs: z.number() }),
    }),
    use: z.object({ measures: z.array(z.object({ name: z.string() })) }),
  }),
  restarts: z.object({ inDay: z.number() }),
})

let folder = ''
let places: Places
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-admin-'))
  places = placesIn(folder)
})
afterEach(async () => {
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  rmSync(folder, { recursive: true, force: true })
})

const ask = async (...words: readonly string[]): Promise<string> =>
  (await gnomon(...words, '--state', places.state)).stdout

function metrics(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socketPath = join(places.state, 'metrics.sock')
    const asked = request({ socketPath, path: '/metrics', agent: false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve(response.statusCode === 200 ? Buffer.concat(parts).toString() : undefined))
    })
    asked.on('error', () => resolve(undefined))
    asked.end()
  })
}

function expectScreen(text: string): void {
  const rows = text.trimEnd().split('\n')
  expect(rows.length).toBeLessThanOrEqual(24)
  expect(rows.filter((row) => row.length > 100)).toEqual([])
}

describe('an administrator', () => {
  it('is told what can be told while settings cannot be used', async () => {
    const file = join(folder, 'settings.json')
    writeFileSync(file, '{ "pace": "gallop" }')
    const words = ['--settings', file, '--state', places.state]
    // Status tells of a state that is there, and makes none.
    await gnomon('scan', '--state', places.state, places.models)

    const status = await gnomon('status', ...words)
    const doctor = await gnomon('doctor', ...words)

    expect(status.code).toBe(0)
    expect(status.stdout).toMatch(/^daemon /m)
    expect(status.stderr).toContain('GNO_SETTINGS_INVALID')
    expect(doctor.stdout).toMatch(/^note +settings .*pace/m)
  })

  onLinux(
    'is told on one screen what is covered, how often it began again, and what it costs',
    async () => {
      const daemon = startSupervised(places, {
        processIntervalSeconds: 1,
        rescanIntervalSeconds: 5,
        metrics: 'socket',
        limits: wide,
      })
      // Its life is written down once the supervisor knows its state.
      await until(() => (existsSync(join(places.state, 'life')) ? true : undefined))
      process.kill(await daemon.worker(), 'SIGKILL')
      await daemon.told('worker ended')
      await daemon.told('swept')

      const seen = await until(async () => {
        const read = told.safeParse(JSON.parse(await ask('status', '--json')))
        return read.success && read.data.restarts.inDay > 0 ? read.data : undefined
      })
      expect(seen.restarts.inDay).toBe(1)
      expect(seen.life.work.watches.placed).toBeGreaterThan(0)
      expect(seen.life.use.measures.map(({ name }) => name)).toContain('filesPerSecond')
      expect(await until(metrics)).toMatch(/^gnomon_processor_percent\{window="now"\} [\d.]+$/m)

      const [status, doctor] = [await ask('status'), await ask('doctor')]
      expectScreen(status)
      expectScreen(doctor)
      expect(status).toMatch(/^watching +\d+ of \d+ watches placed/m)
      expect(status).toMatch(/^restarts +1 in 24 h, last \S+: killed/m)
      expect(doctor).toMatch(/^note +trouble .*AGENT_KILLED/m)
      expect(doctor).toMatch(/^ok +costs +processor/m)
      const all: unknown = JSON.parse(await ask('doctor', '--json'))
      expect(all).toMatchObject({
        daemon: { supervisorPid: daemon.pid },
        status: { lastSweep: {} },
        restarts: { inDay: 1 },
      })
      daemon.kill('SIGTERM')
      expect((await daemon.ended).code).toBe(0)
      expect(await metrics()).toBeUndefined()
    },
    240_000,
  )
})
