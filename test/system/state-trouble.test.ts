// A disk that takes nothing more, and one that takes nothing at all: under the running daemon and at its start. Detection goes on, the
// state stays sound, and what could not be stored is stored once it can be.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { buildGguf, text } from '../build-gguf.ts'
import { mountSmall, type OwnMounts, whyNoMounts } from './own-mounts.ts'
import { type Ended, startProgram, until } from './programs.ts'
import { type Places, placesIn, processesNaming, type SupervisedDaemon, startSupervised } from './supervised-daemon.ts'

const why = whyNoMounts()
if (why !== null) console.warn(`skipped: ${why}, so no disk can be filled`)
const onMounts = why === null ? it : it.skip

const DISK_BYTES = 3 * 1024 * 1024
const settings = { processIntervalSeconds: 1, pace: 'full' }

let folder = ''
let places: Places
let mounts: OwnMounts | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-trouble-'))
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  mounts = await mountSmall(disk, DISK_BYTES)
  places = { ...placesIn(folder), state: join(disk, 'state') }
})
afterEach(async () => {
  for (const pid of processesNaming(folder)) if (pid !== mounts?.pid) process.kill(pid, 'SIGKILL')
  await mounts?.end()
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  rmSync(folder, { recursive: true, force: true })
})

function plant(name: string): void {
  const kv = [
    ['general.architecture', text('llama')],
    ['general.name', text(name)],
  ] as const
  const bytes = buildGguf({ kv, tensors: [{ name: 'token_embd.weight', dims: [512, 1024] }] })
  writeFileSync(join(places.models, `${name}.gguf`), bytes)
}

function inside(command: string, ...args: readonly string[]): Promise<Ended> {
  return startProgram('agent/gnomon.js', [command, ...args, '--state', places.state], undefined, mounts?.inside).ended
}

/** Waits until the log has a finding of that model. */
async function logged(daemon: SupervisedDaemon, name: string): Promise<void> {
  await until(() => {
    const findings = daemon.log().filter(({ message }) => message === 'new finding')
    return findings.some(({ fields }) => JSON.stringify(fields.get('title')).includes(name)) ? true : undefined
  })
}

async function stored(name: string): Promise<void> {
  await until(async () => ((await inside('explain', '--json')).stdout.includes(`${name}.gguf`) ? true : undefined))
}

async function stop(daemon: SupervisedDaemon): Promise<void> {
  daemon.kill('SIGTERM')
  expect((await daemon.ended).code).toBe(0)
}

describe('a disk without room', () => {
  onMounts(
    'stops no running daemon: it finds on, says that it cannot store, and stores once there is room',
    async () => {
      plant('before')
      const daemon = startSupervised(places, settings, mounts?.inside)
      await logged(daemon, 'before')
      await mounts?.say('fill')
      plant('meanwhile')
      await logged(daemon, 'meanwhile')
      const [refused] = await daemon.told('sweep was not stored')
      expect(refused?.fields.get('code')).toMatch(/^GNO_STATE_(FULL|UNUSABLE)$/)
      await mounts?.say('empty')
      await stored('meanwhile')
      await stop(daemon)
      const status: unknown = JSON.parse((await inside('status', '--json')).stdout)
      expect(status).toMatchObject({ damagedFile: null, daemon: null })
      expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
    },
  )
})

describe('a state that takes no writes at the start', () => {
  /** A daemon whose predecessor stored a model there. */
  async function startOnReadOnly(): Promise<SupervisedDaemon> {
    plant('before')
    const first = startSupervised(places, settings, mounts?.inside)
    await stored('before')
    await stop(first)
    await mounts?.say('read-only')
    return startSupervised(places, settings, mounts?.inside)
  }

  onMounts('stops no detection: the service goes on beside it, and in it once it is writable', async () => {
    const daemon = await startOnReadOnly()
    await daemon.told('state takes no writes')
    plant('meanwhile')
    await logged(daemon, 'meanwhile')
    const refused = await inside('run', '--once', places.models)
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('GNO_STATE_UNUSABLE')])

    await mounts?.say('writable')
    await daemon.told('state takes writes again')
    await stored('meanwhile')
    const status = (await inside('status', '--json')).stdout
    expect(status).toContain('nothing could be stored or delivered since')
    expect(JSON.parse(status)).toMatchObject({ damagedFile: null, daemon: { pid: await daemon.worker() } })
    await stop(daemon)
  })

  onMounts('says why once, and nothing of the copy is left when everybody is asked to stop at once', async () => {
    const daemon = await startOnReadOnly()
    await daemon.told('swept')
    const [told] = await daemon.told('state takes no writes')
    const copy = String(told?.fields.get('goesOnIn'))
    expect(existsSync(copy)).toBe(true)

    // As systemd does: a signal to each process of the service.
    process.kill(await daemon.worker(), 'SIGTERM')
    await stop(daemon)

    expect(existsSync(copy)).toBe(false)
    const messages = daemon.log().map(({ message }) => message)
    expect(messages.filter((message) => message === 'state takes no writes')).toHaveLength(1)
    expect(messages).not.toContain('not enrolled')
    expect(messages.at(-1)).toBe('stopped')
  })

  onMounts('removes the copy of a worker that had to be killed', async () => {
    const daemon = await startOnReadOnly()
    const [told] = await daemon.told('state takes no writes')
    await daemon.told('swept')
    const copy = String(told?.fields.get('goesOnIn'))

    // It hears nothing any more; its supervisor ends it.
    process.kill(await daemon.worker(), 'SIGSTOP')
    daemon.kill('SIGTERM')
    await daemon.ended

    expect(existsSync(copy)).toBe(false)
  })

  onMounts('is an error where no state was before: somebody chose that place', async () => {
    await mounts?.say('read-only')
    const ended = await inside('run', '--json', places.models)
    expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining('GNO_STATE_UNUSABLE')])
  })
})
