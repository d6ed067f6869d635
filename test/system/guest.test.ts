// The daemon as a guest: while a paced first sweep rests, what arrives in a watched folder is found all the same.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { buildGguf, text } from '../build-gguf.ts'
import { gnomon, until } from './programs.ts'
import { type Places, placesIn, processesNaming, startSupervised } from './supervised-daemon.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped: leftover processes are looked for in /proc, which is Linux only')

/** A sweep of these takes some processor time; at 1 % of the machine it lasts much longer than a look. */
const FOLDERS = 1_500
/** The slowest pace that can be asked for; the supervisor is to end nobody here. */
const slow = { memoryBytes: 1024 ** 3, processorPercent: 1, forSeconds: 1_000_000, graceSeconds: 0, respawnSeconds: 1 }

const known = z.object({ known: z.object({ artifacts: z.number() }) })

let folder = ''
let places: Places

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-guest-'))
  places = placesIn(folder)
})
afterEach(async () => {
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  rmSync(folder, { recursive: true, force: true })
})

describe('a daemon whose first sweep is paced', () => {
  onLinux('tells of a new model before that sweep is over', async () => {
    for (let at = 0; at < FOLDERS; at += 1) {
      mkdirSync(join(places.models, `f${at}`))
      writeFileSync(join(places.models, `f${at}/notes.txt`), 'nothing')
    }
    const daemon = startSupervised(places, { limits: slow, processIntervalSeconds: 1 })
    // The conditions of its life are written once it has begun.
    await daemon.worker()
    const gguf = buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['general.name', text('late')],
      ],
      tensors: [{ name: 'token_embd.weight', dims: [32, 4] }],
    })
    // Again and again until it is told: the watches may not stand yet.
    let round = 0
    const found = await until(async () => {
      const draft = join(folder, 'draft')
      writeFileSync(draft, gguf)
      renameSync(draft, join(places.models, `late-${round}.gguf`))
      round += 1
      await new Promise((resolve) => setTimeout(resolve, 500))
      const { stdout } = await gnomon('status', '--json', '--state', places.state)
      const status = known.safeParse(stdout === '' ? null : JSON.parse(stdout))
      return status.success && status.data.known.artifacts > 0 ? status.data : undefined
    })

    expect(found.known.artifacts).toBeGreaterThan(0)
    expect(daemon.log().map(({ message }) => message)).not.toContain('swept')
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })
})
