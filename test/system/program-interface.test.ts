// What is told of the program interface of real inference: proof beside the engine, whether a key is wanted, and nothing without one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { runtimeSchema } from '../../contract/runtime.ts'
import { buildTinyModel } from '../build-tiny-model.ts'
import { type Started, startRuntime } from './evasion/start-program.ts'
import { gnomon } from './programs.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: the sensors for processes exist for Linux only')
const LIMIT_MS = 180_000

let folder = ''
let model = ''
let running: Started[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-test-interface-'))
  model = join(folder, 'notes')
  writeFileSync(model, buildTinyModel({ seed: 91 }))
})
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()))
  running = []
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A model that lies in memory as a copy, so small that its memory tells nothing. */
async function start(...args: readonly string[]): Promise<number> {
  const started = await startRuntime({ args: ['--model', model, '--no-mmap', ...args] })
  running.push(started)
  return started.pid
}

/**
 * The story of one process. A look at a busy machine may come before an answer within half a second does, so it is looked again
 * until the interface told something, or for as long as the test has.
 */
async function storyOf(pid: number, isThere: (story: z.infer<typeof runtimeSchema>) => boolean) {
  for (;;) {
    const ended = await gnomon('ps', '--json', '--state', join(folder, 'state'))
    const story = z
      .array(runtimeSchema)
      .parse(JSON.parse(ended.stdout))
      .find((each) => each.pid === pid)
    if (story !== undefined && isThere(story)) return story
  }
}

describe('the program interface of a small model that is copied into memory', () => {
  onLinux(
    'proves inference where it answers without a key',
    async () => {
      const story = await storyOf(await start('--serve'), ({ api }) => api !== undefined)

      expect(story).toMatchObject({ activity: 'inference', weights: [], told: { model: 'notes' } })
      expect(story.identification?.evidence.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining(['library-mapped', 'http-answer']),
      )
      const [listener] = story.listeners
      expect(story.api).toMatchObject({
        opensWithoutKey: true,
        models: ['notes'],
        asked: [{ port: listener?.port, path: '/v1/models', status: 200 }],
      })
    },
    LIMIT_MS,
  )

  onLinux(
    'tells that a key is wanted, which names no model and proves nothing',
    async () => {
      const story = await storyOf(await start('--serve', '--api-key', 'tr-1'), ({ api }) => api !== undefined)

      expect(story.api).toMatchObject({
        opensWithoutKey: false,
        models: [],
        asked: [{ path: '/v1/models', status: 401 }],
      })
      expect(story).toMatchObject({ activity: 'present', identification: { entryId: 'node-llama-cpp' } })
      expect(JSON.stringify(story)).not.toContain('tr-1')
    },
    LIMIT_MS,
  )

  onLinux(
    'leaves it at the engine without a listener',
    async () => {
      const story = await storyOf(await start(), () => true)

      expect(story).toMatchObject({ activity: 'present', listeners: [] })
      expect(story.api).toBeUndefined()
    },
    LIMIT_MS,
  )
})
