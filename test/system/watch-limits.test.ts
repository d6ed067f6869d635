// What the daemon does where watching ends: no watches left in the system, a file that is never at rest, a folder of a hundred thousand
// entries. Everything is found all the same, later, and the daemon says why.
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { buildGguf, text } from '../build-gguf.ts'
import { limitWatches, type OwnMounts, whyNoLimits } from './own-mounts.ts'
import { gnomon, until } from './programs.ts'
import { type Places, placesIn, processesNaming, startSupervised } from './supervised-daemon.ts'

const why = whyNoLimits()
if (why !== null) console.warn(`skipped: ${why}, so watches cannot run out`)
const onLimits = why === null ? it : it.skip
const onLinux = process.platform === 'linux' ? it : it.skip

/** One million with GNOMON_ENTRIES=1000000. */
const ENTRIES = Number(process.env['GNOMON_ENTRIES'] ?? 100_000)
const settings = { processIntervalSeconds: 1, rescanIntervalSeconds: 5, pace: 'full' }

let folder = ''
let places: Places
let limits: OwnMounts | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-limits-'))
  places = placesIn(folder)
})
afterEach(async () => {
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  await limits?.end()
  limits = undefined
  rmSync(folder, { recursive: true, force: true })
})

function model(name: string): Buffer {
  const kv = [
    ['general.architecture', text('llama')],
    ['general.name', text(name)],
  ] as const
  return buildGguf({ kv, tensors: [{ name: 'token_embd.weight', dims: [512, 1024] }] })
}

async function found(name: string): Promise<void> {
  await until(async () => {
    const { stdout } = await gnomon('explain', '--json', '--state', places.state)
    return stdout.includes(`${name}.gguf`) ? true : undefined
  })
}

const watching = z.object({
  life: z.object({ work: z.object({ watches: z.object({ placed: z.number() }).nullable() }) }),
  conditions: z.array(z.object({ code: z.string() })),
})

async function statusText(): Promise<string> {
  return (await gnomon('status', '--json', '--state', places.state)).stdout
}

describe('where watching ends', () => {
  onLimits('the daemon says so, finds what is new by rescans, and watches again when it may', async () => {
    const folders = Array.from({ length: 60 }, (_, at) => join(places.models, `f${at}`))
    for (const each of folders) mkdirSync(each)
    limits = await limitWatches(20)
    const daemon = startSupervised(places, settings, limits.inside)
    await daemon.told('swept')
    await until(async () => ((await statusText()).includes('GNO_SENSE_WATCH') ? true : undefined))
    for (const [at, each] of folders.entries())
      if (at % 20 === 0) writeFileSync(join(each, `m${at}.gguf`), model(`m${at}`))
    for (const name of ['m0', 'm20', 'm40']) await found(name)

    await limits.say('lift')
    await until(async () => {
      const { life, conditions } = watching.parse(JSON.parse(await statusText()))
      const isDegraded = conditions.some(({ code }) => code === 'GNO_SENSE_WATCH')
      return (life.work.watches?.placed ?? 0) > folders.length && !isDegraded ? true : undefined
    })
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
    expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
  })
})

describe('a file that grows as long as it is looked at', () => {
  onLinux('keeps nobody from anything, and is read when it rests', async () => {
    const growing = join(places.models, 'growing.gguf')
    writeFileSync(growing, model('growing'))
    const script = `while true; do head -c 4096 /dev/zero >>"$1"; sleep 0.02; done`
    const writer = spawn('sh', ['-c', script, 'sh', growing], { stdio: 'ignore' })
    const daemon = startSupervised(places, { ...settings, deep: true })
    await daemon.told('swept')
    writeFileSync(join(places.models, 'beside.gguf'), model('beside'))
    await found('beside')
    expect(writer.exitCode).toBeNull()
    writer.kill('SIGKILL')
    await found('growing')
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
    expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
  })
})

describe('a folder with more entries than anybody lists', () => {
  onLinux(
    'is swept piece by piece, and the model in it is found',
    async () => {
      const crowd = join(places.models, 'crowd')
      mkdirSync(crowd)
      for (let at = 0; at < ENTRIES; at += 1) closeSync(openSync(join(crowd, `entry-${at}`), 'w'))
      writeFileSync(join(crowd, 'inside.gguf'), model('inside'))
      const startedMs = performance.now()
      const daemon = startSupervised(places, settings)
      const worker = await daemon.worker()
      await found('inside')
      const wall = ((performance.now() - startedMs) / 1000).toFixed(1)
      const ticks = readFileSync(`/proc/${worker}/stat`, 'latin1').split(') ').at(-1)?.split(' ').slice(11, 13) ?? []
      const seconds = (ticks.reduce((sum, each) => sum + Number(each), 0) / 100).toFixed(1)
      const peak = /^VmHWM:\s*(.*)$/m.exec(readFileSync(`/proc/${worker}/status`, 'latin1'))?.[1]
      process.stdout.write(`crowd: ${ENTRIES} entries, found after ${wall} s, ${seconds} CPU s, peak ${peak}\n`)
      daemon.kill('SIGTERM')
      expect((await daemon.ended).code).toBe(0)
      expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
    },
    240_000 + ENTRIES,
  )
})
